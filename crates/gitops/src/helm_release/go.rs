//! JSON as Go writes it: what has an identity here has the same one where Flux made it.

use cowherd_helm::chart::{DEPENDENCY_FIELDS, FIELDS, MAINTAINER_FIELDS};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a type of ours that has its fields in Go's order says.
pub(super) fn typed(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string(value).unwrap_or_default())
}

/// A value, its keys in order.
pub(super) fn json(value: &Value) -> String {
    match value {
        Value::Object(map) => object(map.iter().map(|(key, value)| (key.as_str(), json(value)))),
        Value::Array(items) => list(items.iter().map(json)),
        Value::Number(number) => match number.as_f64() {
            // Whole numbers have no fraction, whatever their type.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        other => escaped(&other.to_string()),
    }
}

/// What `Chart.yaml` says, in the order in which Go has its fields.
pub(super) fn chart(metadata: &Value) -> String {
    let Value::Object(map) = metadata else { return json(metadata) };
    let within = |field: &str, value: &Value| match (field, value) {
        ("maintainers", Value::Array(items)) => list(items.iter().map(|item| ordered(item, MAINTAINER_FIELDS))),
        ("dependencies", Value::Array(items)) => list(items.iter().map(|item| ordered(item, DEPENDENCY_FIELDS))),
        _ => json(value),
    };
    object(in_order(map, FIELDS).map(|(key, value)| (key, within(key, value))))
}

fn ordered(value: &Value, fields: &[&'static str]) -> String {
    match value {
        Value::Object(map) => object(in_order(map, fields).map(|(key, value)| (key, json(value)))),
        other => json(other),
    }
}

fn in_order<'a>(
    map: &'a Map<String, Value>,
    fields: &'a [&'static str],
) -> impl Iterator<Item = (&'static str, &'a Value)> {
    fields.iter().filter_map(|field| map.get(*field).map(|value| (*field, value)))
}

/// An object of these fields.
pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields = fields.into_iter().map(|(key, value)| format!("{}:{value}", escaped(&Value::from(key).to_string())));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// What could be HTML, or ends a line of JavaScript, is written by its number.
fn escaped(text: &str) -> String {
    let escaped = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
