//! Values of charts as values of templates.

use std::sync::Arc;

use cowherd_template as template;
use serde_json::Value;

/// The value that templates see. Integers are those that Helm keeps apart from floats: `int64`.
pub(crate) fn value(json: &Value) -> template::Value {
    match json {
        Value::Null => template::Value::Nil,
        Value::Bool(value) => template::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => template::Value::Int64(integer),
            (None, float) => template::Value::Float(float.unwrap_or_default()),
        },
        Value::String(text) => template::Value::from(text.as_str()),
        Value::Array(items) => template::Value::list(items.iter().map(value)),
        Value::Object(entries) => template::Value::Map(map(entries)),
    }
}

/// The map that templates see.
pub(crate) fn map(entries: &serde_json::Map<String, Value>) -> template::Map {
    entries.iter().map(|(key, item)| (Arc::from(key.as_str()), value(item))).collect()
}
