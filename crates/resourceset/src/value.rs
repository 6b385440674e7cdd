//! Inputs as templates see them.

use std::sync::Arc;

use cowherd_template::Value;

/// The value that templates see: whole numbers are `int64`, as Kubernetes reads them.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int64(whole),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(value)),
        serde_json::Value::Object(entries) => map(entries),
    }
}

/// The map that templates see.
pub(crate) fn map(entries: &serde_json::Map<String, serde_json::Value>) -> Value {
    Value::Map(entries.iter().map(|(key, item)| (Arc::from(key.as_str()), value(item))).collect())
}

/// About how much memory it takes to give them to a template, in bytes.
pub(crate) fn weight(entries: &serde_json::Map<String, serde_json::Value>) -> usize {
    entries.iter().map(|(key, item)| NODE + key.len() + weight_of(item)).sum()
}

/// What each part of an input takes besides its text.
const NODE: usize = 64;

fn weight_of(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(|item| NODE + weight_of(item)).sum(),
        serde_json::Value::Object(entries) => weight(entries),
        _ => 0,
    }
}
