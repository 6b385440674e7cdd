//! StorageClasses.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["sc"],
    rules: Rules {
        default: |class| {
            class.fill("reclaimPolicy", "Delete");
            class.fill("volumeBindingMode", "Immediate");
        },
        validate,
        validate_update,
        columns: &[
            NAME,
            Column::text("Provisioner", "Who makes the volumes."),
            Column::text("ReclaimPolicy", "What becomes of a volume without its claim."),
            Column::text("VolumeBindingMode", "When a volume is made."),
            Column::text("AllowVolumeExpansion", "Whether volumes can grow."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "StorageClass", "storageclasses", "storageclass", "io.k8s.api.storage.v1.StorageClass")
};

const DEFAULT_MARKS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

fn validate(class: &Value, errors: &mut Errors) {
    let root = FieldPath::root();
    checks::required_form(class, "provisioner", &root, |name| crate::names::qualified(&name.to_lowercase()), errors);
    let policies = ["Delete", "Retain"];
    checks::optional_one_of(class.text("reclaimPolicy"), &root.child("reclaimPolicy"), &policies, errors);
    checks::one_of(class, "volumeBindingMode", &root, &["Immediate", "WaitForFirstConsumer"], errors);
    for (key, _) in class.entries("parameters").filter(|(key, _)| key.is_empty()) {
        errors.push(FieldError::invalid(&root.child("parameters"), key, "field can not be empty."));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if !same(&new[field], &old[field]) {
            let why = format!("updates to {field} are forbidden.");
            errors.push(FieldError::forbidden(&FieldPath::new(field), why));
        }
    }
    let field = FieldPath::new("volumeBindingMode");
    checks::immutable(&new["volumeBindingMode"], &old["volumeBindingMode"], &field, errors);
}

fn cells(class: &Value, now: Timestamp) -> Vec<Value> {
    let annotations = &class["metadata"]["annotations"];
    let name = class["metadata"].text("name");
    let is_default = DEFAULT_MARKS.iter().any(|mark| annotations.text(mark) == "true");
    let name = if is_default { format!("{name} (default)") } else { name.to_owned() };
    vec![
        name.into(),
        class.text("provisioner").into(),
        class.text("reclaimPolicy").into(),
        class.text("volumeBindingMode").into(),
        class.flag("allowVolumeExpansion").into(),
        table::age(class, now),
    ]
}
