//! Whole objects inside others (`x-kubernetes-embedded-resource`).

use serde_json::Value;

use crate::field::{FieldError, FieldPath};
use crate::model::Schema;

/// What is wrong with the types and metadata of the objects inside `value`.
pub(crate) fn mistakes(value: &Value, schema: &Schema, path: &FieldPath, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            if schema.embedded_resource {
                object(value, path, errors);
            }
            for (name, value) in map {
                if let Some(property) = schema.property(name) {
                    mistakes(value, property, &path.child(name), errors);
                } else if let Some(additional) = schema.additional() {
                    mistakes(value, additional, &path.key(name), errors);
                }
            }
        }
        Value::Array(list) => {
            let Some(schema) = schema.items() else { return };
            for (index, item) in list.iter().enumerate() {
                mistakes(item, schema, &path.index(index), errors);
            }
        }
        _ => {}
    }
}

fn object(value: &Value, path: &FieldPath, errors: &mut Vec<FieldError>) {
    for name in ["apiVersion", "kind"] {
        let path = path.child(name);
        match value.get(name) {
            None => errors.push(FieldError::required(&path, "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(&path, "", "must not be empty"));
            }
            Some(Value::String(text)) if name == "apiVersion" && text.matches('/').count() > 1 => {
                let detail = format!("unexpected GroupVersion string: {text}");
                errors.push(FieldError::invalid(&path, text.as_str(), detail));
            }
            Some(Value::String(text)) if name == "kind" && !is_label(&text.to_lowercase()) => {
                let detail = "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower \
                              case alphanumeric characters or '-', start with an alphabetic character, and end with an \
                              alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                              '[a-z]([-a-z0-9]*[a-z0-9])?')";
                errors.push(FieldError::invalid(&path, text.as_str(), detail));
            }
            Some(Value::String(_)) => {}
            Some(other) => errors.push(FieldError::invalid(&path, other.clone(), "must be a string")),
        }
    }
    if let Some(metadata) = value.get("metadata").filter(|metadata| !metadata.is_object() && !metadata.is_null()) {
        errors.push(FieldError::invalid(&path.child("metadata"), metadata.clone(), "must be an object"));
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
