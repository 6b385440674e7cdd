//! ResourceQuotas: what a namespace may use in all.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::quantity;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["quota"],
    status: true,
    rules: Rules {
        default: |quota| {
            for part in ["spec", "status"] {
                if let Some(part) = quota.inner(part) {
                    quantity::canonicalize_map(part.inner("hard"));
                    quantity::canonicalize_map(part.inner("used"));
                }
            }
        },
        validate,
        validate_update: |new, old, errors| {
            let (new, old) = (&new["spec"]["scopes"], &old["spec"]["scopes"]);
            checks::immutable(new, old, &FieldPath::new("spec.scopes"), errors);
        },
        columns: &[
            NAME,
            Column::text("Request", "What is asked for, of how much."),
            Column::text("Limit", "The sum of limits, of how much."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "ResourceQuota",
        "resourcequotas",
        "resourcequota",
        "io.k8s.api.core.v1.ResourceQuota",
    )
};

fn validate(quota: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.hard");
    for (name, amount) in quota["spec"].entries("hard") {
        let field = path.key(name);
        // Counts of objects, as in count/deployments.apps, are names too.
        checks::refuse(name, &field, names::qualified(name), errors);
        let amount = checks::quantity(amount, &field, errors);
        let counts = matches!(
            name,
            "pods" | "services" | "secrets" | "configmaps" | "replicationcontrollers" | "resourcequotas"
        );
        if let Some(amount) = amount
            && counts
            && !amount.is_whole()
        {
            errors.push(FieldError::invalid(&field, amount.to_string(), "must be an integer"));
        }
    }
}

fn cells(quota: &Value, now: Timestamp) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in quota["status"].entries("hard") {
        let used = quota["status"]["used"].text(name);
        let text = format!("{name}: {}/{}", table::or(used, "0"), hard.as_str().unwrap_or_default());
        if name.starts_with("limits") { limits.push(text) } else { requests.push(text) }
    }
    vec![table::name(quota), requests.join(", ").into(), limits.join(", ").into(), table::age(quota, now)]
}
