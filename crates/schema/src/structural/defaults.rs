//! Whether the defaults of a schema are themselves what it asks for.

use serde_json::Value;

use crate::field::{FieldError, FieldPath};
use crate::model::Schema;

/// Checks the default of a node and those below it.
pub(super) fn check(
    schema: &Schema,
    source: &Value,
    path: &FieldPath,
    errors: &mut Vec<FieldError>,
    inside_meta: bool,
) {
    if let Some(default) = &schema.default {
        check_default(schema, default, &path.child("default"), errors, inside_meta);
    }
    if let (Some(items), Some(source)) = (schema.items(), source.get("items")) {
        check(items, source, &path.child("items"), errors, inside_meta);
    }
    let sources = source.get("properties");
    for (name, property) in schema.properties() {
        let Some(source) = sources.and_then(|sources| sources.get(name)) else { continue };
        let meta = schema.embedded_resource && matches!(name, "apiVersion" | "kind" | "metadata");
        check(property, source, &path.child("properties").key(name), errors, inside_meta || meta);
    }
}

fn check_default(schema: &Schema, default: &Value, path: &FieldPath, errors: &mut Vec<FieldError>, inside_meta: bool) {
    let mut pruned = default.clone();
    if schema.embedded_resource {
        schema.prune(&mut pruned);
    } else {
        schema.prune_value(&mut pruned);
    }
    if !inside_meta && pruned != *default {
        errors.push(FieldError::invalid(path, default.clone(), "must not have unknown fields"));
    }
    for mut error in schema.validate(default) {
        let below = error.field.as_str();
        error.field = match below {
            "" => path.clone(),
            below if below.starts_with('[') => FieldPath::new(format!("{path}{below}")),
            below => path.child(below),
        };
        errors.push(error);
    }
}
