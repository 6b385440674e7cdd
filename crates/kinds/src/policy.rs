//! The group policy: PodDisruptionBudgets.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

const V1: (&str, &str) = ("policy", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["pdb"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules {
        create: |budget| {
            let none = json!({
                "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
            });
            budget.put("status", none);
        },
        validate,
        columns: &[
            NAME,
            Column::text("Min Available", "How many Pods must stay."),
            Column::text("Max Unavailable", "How many Pods may be away."),
            Column::number("Allowed Disruptions", "How many Pods may be taken away now."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        V1,
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        "io.k8s.api.policy.v1.PodDisruptionBudget",
    )
};

fn validate(budget: &Value, errors: &mut Errors) {
    let spec = &budget["spec"];
    let path = FieldPath::new("spec");
    if spec.has("minAvailable") && spec.has("maxUnavailable") {
        let why = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid(&path, spec.clone(), why));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        checks::count_or_percent(&spec[field], &path.child(field), errors);
        checks::at_most_hundred_percent(&spec[field], &path.child(field), errors);
    }
    if spec["selector"].is_object() {
        errors.extend(labels::validate_selector(&spec["selector"], &path.child("selector")));
    }
    let policy = spec.text("unhealthyPodEvictionPolicy");
    let allowed = ["AlwaysAllow", "IfHealthyBudget"];
    checks::optional_one_of(policy, &path.child("unhealthyPodEvictionPolicy"), &allowed, errors);
}

fn cells(budget: &Value, now: Timestamp) -> Vec<Value> {
    let amount = |field: &str| match &budget["spec"][field] {
        Value::Null => "N/A".into(),
        Value::String(text) => Value::from(text.as_str()),
        number => number.to_string().into(),
    };
    vec![
        table::name(budget),
        amount("minAvailable"),
        amount("maxUnavailable"),
        table::count(&budget["status"]["disruptionsAllowed"]),
        table::age(budget, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    #[test]
    fn a_budget_has_one_bound() {
        let budget = |spec: Value| json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec});
        assert!(KIND.validate_create(&budget(json!({"minAvailable": "50%"}))).is_empty());
        assert_eq!(
            texts(&KIND.validate_create(&budget(json!({"minAvailable": 1, "maxUnavailable": 1})))),
            ["spec: Invalid value: {\"maxUnavailable\":1,\"minAvailable\":1}: minAvailable and maxUnavailable \
                 cannot be both set"]
        );
        assert_eq!(
            texts(&KIND.validate_create(&budget(json!({"maxUnavailable": "101%"})))),
            ["spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"]
        );
    }
}
