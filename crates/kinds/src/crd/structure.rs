//! Whether a schema is structural: every value's type is known without looking at the value.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;

/// Where in a schema a schema stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Field,
    Item,
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Parts of OpenAPI that Kubernetes does not take.
const FORBIDDEN: [(&str, &str); 5] = [
    ("$ref", "must be empty string"),
    ("definitions", "definitions is not supported"),
    ("dependencies", "dependencies is not supported"),
    ("patternProperties", "patternProperties is not supported"),
    ("additionalItems", "additionalItems is not supported"),
];

pub(super) fn validate(schema: &Value, path: &FieldPath, errors: &mut Errors) {
    check(schema, Place::Root, path, errors);
}

fn check(schema: &Value, place: Place, path: &FieldPath, errors: &mut Errors) {
    for (field, why) in FORBIDDEN {
        if schema.has(field) {
            errors.push(FieldError::forbidden(&path.child(field), why));
        }
    }
    if schema.flag("uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(&path.child("uniqueItems"), why));
    }
    value_type(schema, place, path, errors);
    lists(schema, path, errors);
    if schema["additionalProperties"].is_object() && schema.entries("properties").next().is_some() {
        let why = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(&path.child("additionalProperties"), why));
    }
    for (name, property) in schema.entries("properties") {
        check(property, Place::Field, &path.child("properties").key(name), errors);
    }
    if schema["additionalProperties"].is_object() {
        check(&schema["additionalProperties"], Place::Field, &path.child("additionalProperties"), errors);
    }
    match &schema["items"] {
        Value::Array(_) => {
            let why = "items must be a schema object and not an array";
            errors.push(FieldError::forbidden(&path.child("items"), why));
        }
        items @ Value::Object(_) => check(items, Place::Item, &path.child("items"), errors),
        _ => {}
    }
}

fn value_type(schema: &Value, place: Place, path: &FieldPath, errors: &mut Errors) {
    let field = path.child("type");
    let kind = schema.text("type");
    let untyped = schema.flag("x-kubernetes-int-or-string") || schema.flag("x-kubernetes-preserve-unknown-fields");
    match (place, kind) {
        (Place::Root, "") => errors.push(FieldError::required(&field, "must not be empty at the root")),
        (Place::Root, "object") => {}
        (Place::Root, other) => errors.push(FieldError::invalid(&field, other, "must be object at the root")),
        (_, "") if untyped => {}
        (Place::Field, "") => {
            errors.push(FieldError::required(&field, "must not be empty for specified object fields"));
        }
        (Place::Item, "") => {
            errors.push(FieldError::required(&field, "must not be empty for specified array items"));
        }
        (_, other) if !TYPES.contains(&other) => errors.push(checks::not_supported(&field, other, &TYPES)),
        _ => {}
    }
    if kind == "array" && !schema.has("items") {
        errors.push(FieldError::required(&path.child("items"), "must be specified"));
    }
}

fn lists(schema: &Value, path: &FieldPath, errors: &mut Errors) {
    let field = path.child("x-kubernetes-list-type");
    let kind = schema.text("x-kubernetes-list-type");
    checks::optional_one_of(kind, &field, &["atomic", "set", "map"], errors);
    let keys = schema.items("x-kubernetes-list-map-keys");
    let field = path.child("x-kubernetes-list-map-keys");
    if kind == "map" && keys.is_empty() {
        let why = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(&field, why));
    }
    if kind != "map" && !keys.is_empty() {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        let value = schema["x-kubernetes-list-type"].clone();
        errors.push(FieldError::invalid(&path.child("x-kubernetes-list-type"), value, why));
    }
    if kind == "map" {
        for (index, key) in keys.iter().enumerate() {
            let key = key.as_str().unwrap_or_default();
            if !schema["items"]["properties"].has(key) {
                let why = "entries must all be names of item properties";
                errors.push(FieldError::invalid(&field.index(index), key, why));
            }
        }
    }
    let maps = schema.text("x-kubernetes-map-type");
    checks::optional_one_of(maps, &path.child("x-kubernetes-map-type"), &["granular", "atomic"], errors);
}
