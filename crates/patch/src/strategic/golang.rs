//! Values and their types as messages of Kubernetes show them.

use serde_json::{Map, Value};

/// A value as Go prints it: `map[name:a ports:[80]]`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => list_text(items),
        Value::Object(map) => map_text(map),
        scalar => scalar.to_string(),
    }
}

/// A value as Go prints it where it expects a text: `%!s(int64=1)`.
pub(super) fn text_for_text(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) => format!("%!s({}={value})", type_name(value)),
        Value::Null => type_name(value).to_owned(),
        other => text(other),
    }
}

/// A map as Go prints it.
pub(super) fn map_text(map: &Map<String, Value>) -> String {
    let fields: Vec<String> = map.iter().map(|(name, value)| format!("{name}:{}", text(value))).collect();
    format!("map[{}]", fields.join(" "))
}

/// A list as Go prints it.
pub(super) fn list_text(items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(text).collect();
    format!("[{}]", items.join(" "))
}

/// The name of a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
