//! The old form of a HorizontalPodAutoscaler: one CPU target as a field, all else in annotations.

use serde_json::{Map, Value, json};

use crate::json::{Fill, Read};

pub(super) const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The form that is kept.
pub(super) fn into_v2(mut object: Value) -> Value {
    object.put("apiVersion", "autoscaling/v2");
    let spec_metrics = take_annotation(&mut object, METRICS);
    let current = take_annotation(&mut object, CURRENT_METRICS);
    let conditions = take_annotation(&mut object, CONDITIONS);
    let behavior = take_annotation(&mut object, BEHAVIOR);
    if let Some(spec) = object.inner("spec") {
        let mut metrics = Vec::new();
        if let Some(percent) = spec.take_out("targetCPUUtilizationPercentage") {
            metrics.push(cpu(&json!({"type": "Utilization", "averageUtilization": percent}), "target"));
        }
        metrics.extend(items(spec_metrics).iter().map(|metric| convert(metric, &TARGETS, "target")));
        if !metrics.is_empty() {
            spec.put("metrics", metrics);
        }
        if let Some(behavior) = behavior {
            spec.put("behavior", behavior);
        }
    }
    if let Some(status) = object.inner("status") {
        let percent = status.take_out("currentCPUUtilizationPercentage");
        let mut metrics: Vec<Value> =
            items(current).iter().map(|metric| convert(metric, &CURRENTS, "current")).collect();
        if let (true, Some(percent)) = (metrics.is_empty(), percent) {
            metrics.push(cpu(&json!({"averageUtilization": percent}), "current"));
        }
        if !metrics.is_empty() {
            status.put("currentMetrics", metrics);
        }
        if let Some(conditions) = conditions {
            status.put("conditions", conditions);
        }
    }
    object
}

/// The old form of what is kept.
pub(super) fn from_v2(mut object: Value) -> Value {
    object.put("apiVersion", "autoscaling/v1");
    let mut notes: Vec<(&str, Value)> = Vec::new();
    if let Some(spec) = object.inner("spec") {
        let metrics = items(spec.take_out("metrics"));
        let utilization = |metric: &&Value| is_cpu(metric) && metric["resource"]["target"].has("averageUtilization");
        let field = metrics.iter().position(|metric| utilization(&metric));
        if let Some(percent) = field.map(|index| metrics[index]["resource"]["target"]["averageUtilization"].clone()) {
            spec.put("targetCPUUtilizationPercentage", percent);
        }
        let others: Vec<Value> = metrics
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != field)
            .map(|(_, metric)| convert_back(metric, &TARGETS, "target"))
            .collect();
        if !others.is_empty() {
            notes.push((METRICS, Value::Array(others)));
        }
        notes.extend(spec.take_out("behavior").map(|behavior| (BEHAVIOR, behavior)));
    }
    if let Some(status) = object.inner("status") {
        let metrics = items(status.take_out("currentMetrics"));
        let cpu =
            metrics.iter().find(|metric| is_cpu(metric) && metric["resource"]["current"].has("averageUtilization"));
        if let Some(metric) = cpu {
            status.put("currentCPUUtilizationPercentage", metric["resource"]["current"]["averageUtilization"].clone());
        }
        if !metrics.is_empty() {
            let metrics = metrics.iter().map(|metric| convert_back(metric, &CURRENTS, "current")).collect();
            notes.push((CURRENT_METRICS, Value::Array(metrics)));
        }
        notes.extend(status.take_out("conditions").map(|conditions| (CONDITIONS, conditions)));
    }
    if !notes.is_empty()
        && let Some(annotations) = object.inner("metadata").and_then(|metadata| metadata.ensure("annotations"))
    {
        for (key, value) in notes {
            annotations.put(key, value.to_string());
        }
    }
    object
}

/// Names of the amounts in the old form, flat beside the metric's name, and in the new one, inside `target` or
/// `current`.
type Amounts = [(&'static str, &'static str, &'static str)];
/// For each kind of amount: of resources and Pods, of everything else, and the new name.
const TARGETS: [(&str, &str, &str); 3] = [
    ("targetAverageUtilization", "", "averageUtilization"),
    ("targetAverageValue", "averageValue", "averageValue"),
    ("", "targetValue", "value"),
];
const CURRENTS: [(&str, &str, &str); 3] = [
    ("currentAverageUtilization", "", "averageUtilization"),
    ("currentAverageValue", "averageValue", "averageValue"),
    ("", "currentValue", "value"),
];

fn source(metric: &Value) -> &'static str {
    match metric.text("type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        _ => "external",
    }
}

/// The old name of an amount in a metric from this source.
fn old_name(source: &str, amount: &(&'static str, &'static str, &'static str)) -> &'static str {
    match (source, amount.0) {
        ("object", _) => amount.1,
        ("external", "") => amount.1,
        _ => amount.0,
    }
}

fn convert(metric: &Value, amounts: &Amounts, into: &str) -> Value {
    let source = source(metric);
    let old = &metric[source];
    let mut target = Map::new();
    for amount in amounts {
        let name = old_name(source, amount);
        if !name.is_empty() && old.has(name) {
            target.insert(amount.2.to_owned(), old[name].clone());
        }
    }
    if into == "target" {
        let kind = match () {
            () if target.contains_key("averageUtilization") => "Utilization",
            () if target.contains_key("averageValue") => "AverageValue",
            () => "Value",
        };
        target.insert("type".to_owned(), kind.into());
    }
    let mut new = json!({});
    new.put(into, target);
    match source {
        "resource" | "containerResource" => {
            for field in ["name", "container"] {
                if old.has(field) {
                    new.put(field, old[field].clone());
                }
            }
        }
        _ => {
            let selector = if source == "external" { "metricSelector" } else { "selector" };
            let mut identity = json!({"name": old["metricName"].clone()});
            if old.has(selector) {
                identity.put("selector", old[selector].clone());
            }
            new.put("metric", identity);
            if source == "object" {
                new.put("describedObject", old["target"].clone());
            }
        }
    }
    let mut out = json!({"type": metric["type"].clone()});
    out.put(source, new);
    out
}

fn convert_back(metric: &Value, amounts: &Amounts, from: &str) -> Value {
    let source = source(metric);
    let new = &metric[source];
    let mut old = json!({});
    for amount in amounts {
        let name = old_name(source, amount);
        if !name.is_empty() && new[from].has(amount.2) {
            old.put(name, new[from][amount.2].clone());
        }
    }
    for field in ["name", "container"] {
        if new.has(field) {
            old.put(field, new[field].clone());
        }
    }
    if new.has("metric") {
        let selector = if source == "external" { "metricSelector" } else { "selector" };
        old.put("metricName", new["metric"]["name"].clone());
        if new["metric"].has("selector") {
            old.put(selector, new["metric"]["selector"].clone());
        }
    }
    if new.has("describedObject") {
        old.put("target", new["describedObject"].clone());
    }
    let mut out = json!({"type": metric["type"].clone()});
    out.put(source, old);
    out
}

fn is_cpu(metric: &Value) -> bool {
    metric.text("type") == "Resource" && metric["resource"].text("name") == "cpu"
}

fn cpu(amount: &Value, field: &str) -> Value {
    let mut resource = json!({"name": "cpu"});
    resource.put(field, amount.clone());
    json!({"type": "Resource", "resource": resource})
}

fn items(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn take_annotation(object: &mut Value, key: &str) -> Option<Value> {
    let metadata = object.inner("metadata")?;
    let annotations = metadata.inner("annotations")?;
    let value = annotations.take_out(key);
    if annotations.as_object().is_some_and(Map::is_empty) {
        metadata.take_out("annotations");
    }
    serde_json::from_str(value?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_target_is_a_metric_and_back() {
        let v1 = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"maxReplicas": 5, "targetCPUUtilizationPercentage": 60},
        });
        let v2 = into_v2(v1.clone());
        assert_eq!(v2["apiVersion"], "autoscaling/v2");
        assert_eq!(
            v2["spec"]["metrics"],
            json!([{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}])
        );
        assert_eq!(from_v2(v2), v1);
    }

    #[test]
    fn metrics_and_behavior_that_the_old_form_lacks_survive_the_way_through_it() {
        let v2 = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {
                "maxReplicas": 5,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
                "metrics": [
                    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
                    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
                    {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
                    {"type": "Object", "object": {
                        "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
                        "describedObject": {"kind": "Ingress", "name": "main"},
                        "target": {"type": "Value", "value": "2k"}}},
                    {"type": "External", "external": {
                        "metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}},
                        "target": {"type": "AverageValue", "averageValue": "30"}}},
                ],
            },
        });
        let v1 = from_v2(v2.clone());
        assert_eq!(v1["spec"], json!({"maxReplicas": 5, "targetCPUUtilizationPercentage": 60}));
        assert_eq!(into_v2(v1), v2);
    }
}
