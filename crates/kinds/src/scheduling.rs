//! The group scheduling.k8s.io: PriorityClasses.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

const V1: (&str, &str) = ("scheduling.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["pc"],
    generations: Generations::Fixed,
    rules: Rules {
        default: |class| {
            class.fill("preemptionPolicy", "PreemptLowerPriority");
            class.fill("value", 0);
        },
        validate,
        validate_update,
        columns: &[
            NAME,
            Column::number("Value", "The priority; higher goes first."),
            Column::text("Global-Default", "Whether Pods without a class get it."),
            AGE,
            Column::text("PreemptionPolicy", "Whether its Pods take the place of others."),
        ],
        cells: |class, now| {
            vec![
                table::name(class),
                table::count(&class["value"]),
                class.flag("globalDefault").into(),
                table::age(class, now),
                class.text("preemptionPolicy").into(),
            ]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(V1, "PriorityClass", "priorityclasses", "priorityclass", "io.k8s.api.scheduling.v1.PriorityClass")
};

/// Above this, priorities are the system's.
const HIGHEST: i64 = 1_000_000_000;
const SYSTEM: [(&str, i64); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

fn validate(class: &Value, errors: &mut Errors) {
    let name = class["metadata"].text("name");
    let value = class.number("value").unwrap_or_default();
    if name.starts_with("system-") {
        if !SYSTEM.contains(&(name, value)) {
            let why = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a \
                 known system priority class"
            );
            errors.push(FieldError::forbidden(&FieldPath::new("metadata.name"), why));
        }
    } else if value > HIGHEST {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        errors.push(FieldError::forbidden(&FieldPath::new("value"), why));
    }
    checks::one_of(class, "preemptionPolicy", &FieldPath::root(), &["PreemptLowerPriority", "Never"], errors);
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    if new["value"] != old["value"] {
        errors.push(FieldError::forbidden(&FieldPath::new("value"), "may not be changed in an update."));
    }
    let field = FieldPath::new("preemptionPolicy");
    checks::immutable(&new["preemptionPolicy"], &old["preemptionPolicy"], &field, errors);
}
