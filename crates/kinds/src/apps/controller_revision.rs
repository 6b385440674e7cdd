//! ControllerRevisions: what a StatefulSet or DaemonSet was before.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    rules: Rules {
        validate,
        validate_update: |new, old, errors| {
            checks::immutable(&new["data"], &old["data"], &FieldPath::new("data"), errors);
        },
        columns: &[
            NAME,
            Column::text("Controller", "The object whose past this is."),
            Column::number("Revision", "Its number, counting up."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "ControllerRevision",
        "controllerrevisions",
        "controllerrevision",
        "io.k8s.api.apps.v1.ControllerRevision",
    )
};

fn validate(revision: &Value, errors: &mut Errors) {
    if !revision.has("data") {
        errors.push(FieldError::required(&FieldPath::new("data"), "data is mandatory"));
    }
    checks::not_negative(revision, &["revision"], &FieldPath::root(), errors);
}

fn cells(revision: &Value, now: Timestamp) -> Vec<Value> {
    let owners = revision["metadata"].items("ownerReferences");
    let controller = owners.iter().find(|owner| owner.flag("controller")).map(|owner| {
        let group = owner.text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let kind = owner.text("kind").to_lowercase();
        let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
        format!("{kind}/{}", owner.text("name"))
    });
    vec![
        table::name(revision),
        controller.unwrap_or_else(|| "<none>".to_owned()).into(),
        table::count(&revision["revision"]),
        table::age(revision, now),
    ]
}
