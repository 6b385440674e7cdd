//! What `kubectl get hpa` prints.

use jiff::Timestamp;
use serde_json::Value;

use super::v2::SOURCES;
use crate::json::Read;
use crate::table::{self, AGE, Column, NAME};

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Reference", "What is scaled."),
    Column::text("Targets", "What is measured, and what it should be."),
    Column::text("MinPods", "The fewest Pods."),
    Column::text("MaxPods", "The most Pods."),
    Column::number("Replicas", "How many Pods there are."),
    AGE,
];

/// How many metrics a cell shows.
const SHOWN: usize = 2;

pub(super) fn cells(scaler: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&scaler["spec"], &scaler["status"]);
    let target = &spec["scaleTargetRef"];
    let least = match spec.number("minReplicas") {
        Some(number) => number.to_string(),
        None => "<unset>".to_owned(),
    };
    vec![
        table::name(scaler),
        format!("{}/{}", target.text("kind"), target.text("name")).into(),
        targets(spec.items("metrics"), status.items("currentMetrics")).into(),
        least.into(),
        table::count(&spec["maxReplicas"]).to_string().into(),
        table::count(&status["currentReplicas"]),
        table::age(scaler, now),
    ]
}

fn targets(metrics: &[Value], current: &[Value]) -> String {
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let all = metrics.iter().enumerate().map(|(index, metric)| target(metric, current.get(index)));
    let shown: Vec<String> = all.take(SHOWN).collect();
    match metrics.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} + {more} more...", shown.join(", ")),
    }
}

fn target(metric: &Value, current: Option<&Value>) -> String {
    let kind = metric.text("type");
    let Some((_, field)) = SOURCES.into_iter().find(|(name, _)| *name == kind) else {
        return "<unknown type>".to_owned();
    };
    let wanted = &metric[field]["target"];
    let found = &current.unwrap_or(&Value::Null)[field]["current"];
    let shown = |amount: &str| match &found[amount] {
        Value::Null => "<unknown>".to_owned(),
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    if field == "resource" || field == "containerResource" {
        let name = metric[field].text("name");
        if wanted.has("averageValue") {
            return format!("{name}: {}/{}", shown("averageValue"), wanted.text("averageValue"));
        }
        let percent = |value: &Value, nothing: &str| match value.as_i64() {
            Some(number) => format!("{number}%"),
            None => nothing.to_owned(),
        };
        let now = percent(&found["averageUtilization"], "<unknown>");
        return format!("{name}: {now}/{}", percent(&wanted["averageUtilization"], "<auto>"));
    }
    match (field, wanted.has("averageValue")) {
        ("pods", _) => format!("{}/{}", shown("averageValue"), wanted.text("averageValue")),
        (_, true) => format!("{}/{} (avg)", shown("averageValue"), wanted.text("averageValue")),
        (_, false) => format!("{}/{}", shown("value"), wanted.text("value")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_read_as_kubectl_shows_them() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 60}}});
        let queue =
            json!({"type": "External", "external": {"metric": {"name": "q"}, "target": {"averageValue": "30"}}});
        let now = json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}});
        assert_eq!(targets(&[], &[]), "<none>");
        assert_eq!(targets(std::slice::from_ref(&cpu), &[]), "cpu: <unknown>/60%");
        assert_eq!(targets(&[cpu.clone(), queue, cpu], &[now]), "cpu: 12%/60%, <unknown>/30 (avg) + 1 more...");
    }
}
