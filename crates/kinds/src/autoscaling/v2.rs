//! What the server fills into a HorizontalPodAutoscaler, and what it refuses.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::{Value, json};

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::names;
use crate::quantity::{self, Quantity};

/// How busy Pods should be when nothing was said, in percent of the CPU that they ask for.
pub(super) const CPU_PERCENT: i64 = 80;

/// The sources of metrics: the value of `type`, and the field that goes with it.
pub(super) const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

pub(super) fn default(scaler: &mut Value) {
    let Some(spec) = scaler.ensure("spec") else { return };
    spec.fill("minReplicas", 1);
    if spec.items("metrics").is_empty() {
        let target = json!({"type": "Utilization", "averageUtilization": CPU_PERCENT});
        spec.put("metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
    }
    for metric in spec.each("metrics") {
        for (_, field) in SOURCES {
            let Some(target) = metric.inner(field).and_then(|source| source.inner("target")) else { continue };
            for amount in ["value", "averageValue"] {
                if let Some(amount) = target.as_object_mut().and_then(|map| map.get_mut(amount)) {
                    quantity::canonicalize(amount);
                }
            }
        }
    }
    let Some(behavior) = spec.inner("behavior") else { return };
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    if let Some(up) = behavior.ensure("scaleUp") {
        up.fill("stabilizationWindowSeconds", 0);
        up.fill("selectPolicy", "Max");
        up.fill("policies", json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]));
    }
    if let Some(down) = behavior.ensure("scaleDown") {
        down.fill("selectPolicy", "Max");
        down.fill("policies", json!([percent]));
    }
}

pub(super) fn validate(scaler: &Value, errors: &mut Errors) {
    let spec = &scaler["spec"];
    let path = FieldPath::new("spec");
    let (least, most) = (spec.number("minReplicas"), spec.number("maxReplicas").unwrap_or_default());
    if let Some(least) = least
        && least < 1
    {
        let why = "must be greater than or equal to 1";
        errors.push(FieldError::invalid(&path.child("minReplicas"), least, why));
    }
    if most < 1 {
        errors.push(FieldError::invalid(&path.child("maxReplicas"), most, "must be greater than 0"));
    }
    if least.is_some_and(|least| most < least) {
        let why = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(&path.child("maxReplicas"), most, why));
    }
    for field in ["kind", "name"] {
        let path = path.child("scaleTargetRef");
        checks::required_form(&spec["scaleTargetRef"], field, &path, |text| names::path_segment(text, false), errors);
    }
    for (index, metric) in spec.items("metrics").iter().enumerate() {
        self::metric(metric, &path.child("metrics").index(index), errors);
    }
    for direction in ["scaleUp", "scaleDown"] {
        let rules = &spec["behavior"][direction];
        if rules.is_object() {
            scaling_rules(rules, &path.child("behavior").child(direction), errors);
        }
    }
}

fn metric(metric: &Value, path: &FieldPath, errors: &mut Errors) {
    let Some(kind) = checks::required(metric, "type", path, errors) else { return };
    let Some((_, expected)) = SOURCES.into_iter().find(|(name, _)| *name == kind) else {
        let names = SOURCES.map(|(name, _)| name);
        errors.push(checks::not_supported(&path.child("type"), kind, &names));
        return;
    };
    for (_, field) in SOURCES {
        if field != expected && metric.has(field) {
            let why = format!("must populate the given metric source only, found {field} beside {expected}");
            errors.push(FieldError::forbidden(&path.child(field), why));
        }
    }
    let source = &metric[expected];
    let path = path.child(expected);
    if !source.is_object() {
        let why = "must populate information for the given metric source";
        errors.push(FieldError::required(&path, why));
        return;
    }
    match expected {
        "resource" => {
            checks::required(source, "name", &path, errors);
        }
        "containerResource" => {
            checks::required(source, "name", &path, errors);
            checks::required(source, "container", &path, errors);
        }
        _ => {
            let inner = path.child("metric");
            checks::required(&source["metric"], "name", &inner, errors);
        }
    }
    if expected == "object" {
        for field in ["kind", "name"] {
            checks::required(&source["describedObject"], field, &path.child("describedObject"), errors);
        }
    }
    target(&source["target"], &path.child("target"), errors);
}

fn target(target: &Value, path: &FieldPath, errors: &mut Errors) {
    let kinds = ["AverageValue", "Utilization", "Value"];
    match target.text("type") {
        "" => errors.push(FieldError::required(&path.child("type"), "must specify a metric target type")),
        kind if !kinds.contains(&kind) => {
            let why = "must be either Utilization, Value, or AverageValue";
            errors.push(FieldError::invalid(&path.child("type"), kind, why));
        }
        _ => {}
    }
    for field in ["value", "averageValue"] {
        if target.has(field)
            && checks::quantity(&target[field], &path.child(field), errors)
                .is_some_and(|amount| amount <= Quantity::ZERO)
        {
            errors.push(FieldError::invalid(&path.child(field), target[field].clone(), "must be positive"));
        }
    }
    if let Some(percent) = target.number("averageUtilization")
        && percent < 1
    {
        errors.push(FieldError::invalid(&path.child("averageUtilization"), percent, "must be greater than 0"));
    }
    if !["value", "averageValue", "averageUtilization"].iter().any(|field| target.has(field)) {
        let why = "must set either a target raw value or a target utilization";
        errors.push(FieldError::required(&path.child("averageUtilization"), why));
    }
}

fn scaling_rules(rules: &Value, path: &FieldPath, errors: &mut Errors) {
    let seconds = rules.number("stabilizationWindowSeconds").unwrap_or_default();
    let field = path.child("stabilizationWindowSeconds");
    checks::not_negative(rules, &["stabilizationWindowSeconds"], path, errors);
    if seconds > 3600 {
        errors.push(FieldError::invalid(&field, seconds, "must be less than or equal to 3600"));
    }
    let select = rules.text("selectPolicy");
    checks::optional_one_of(select, &path.child("selectPolicy"), &["Disabled", "Max", "Min"], errors);
    let field = path.child("policies");
    if rules.items("policies").is_empty() {
        errors.push(FieldError::required(&field, "must specify at least one Policy"));
    }
    for (index, policy) in rules.items("policies").iter().enumerate() {
        let path = field.index(index);
        checks::one_of(policy, "type", &path, &["Percent", "Pods"], errors);
        for name in ["value", "periodSeconds"] {
            let number = policy.number(name).unwrap_or_default();
            if number <= 0 {
                errors.push(FieldError::invalid(&path.child(name), number, "must be greater than zero"));
            }
        }
        if policy.number("periodSeconds").is_some_and(|seconds| seconds > 1800) {
            let value = policy["periodSeconds"].clone();
            let why = "must be less than or equal to 1800";
            errors.push(FieldError::invalid(&path.child("periodSeconds"), value, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    #[test]
    fn a_scaler_is_filled_in() {
        let mut scaler = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}},
        });
        let kind = super::super::V2;
        kind.default(&mut scaler);
        assert_eq!(texts(&kind.validate_create(&scaler)), [""; 0]);
        assert_eq!(scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
        assert_eq!(scaler["spec"]["behavior"]["scaleDown"]["policies"][0]["type"], "Percent");
        assert_eq!(scaler["spec"]["behavior"]["scaleUp"]["selectPolicy"], "Max");
    }

    #[test]
    fn bounds_must_fit() {
        let scaler = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"minReplicas": 3, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        });
        assert_eq!(
            texts(&super::super::V1.validate_create(&scaler)),
            ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"]
        );
    }
}
