//! How lists may say that they merge (`x-kubernetes-list-type`, `x-kubernetes-list-map-keys`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Check, flag, list, text};
use crate::field::{FieldError, FieldPath};

pub(super) fn check(check: &mut Check, schema: &Map<String, Value>, path: &FieldPath) {
    let keys: Vec<&str> = list(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    let list_type = text(schema, "x-kubernetes-list-type");
    let type_path = path.child("x-kubernetes-list-type");
    if !keys.is_empty() && list_type != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        match list_type {
            "" => check.required(&type_path, detail),
            given => check.invalid(&type_path, given, detail),
        }
    }
    if list_type.is_empty() {
        return;
    }
    let supported = ["atomic", "map", "set"];
    if !supported.contains(&list_type) {
        check.errors.push(FieldError::not_supported(&type_path, list_type, &supported));
    }
    if text(schema, "type") != "array" {
        check.wrong_type(schema, path, "must be array if x-kubernetes-list-type is specified");
        return;
    }
    let items = schema.get("items").and_then(Value::as_object);
    if list_type != "atomic" && items.is_some_and(|items| flag(items, "nullable")) {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        check.forbidden(&path.child("items").child("nullable"), &detail);
    }
    match (list_type, items) {
        ("set", Some(items)) => set(check, items, path),
        ("map", items) => map(check, items, &keys, path),
        _ => {}
    }
}

fn set(check: &mut Check, items: &Map<String, Value>, path: &FieldPath) {
    let path = path.child("items");
    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let keyword = match text(items, "type") {
        // A list that says nothing of itself is atomic, an object is not.
        "array" if !matches!(text(items, "x-kubernetes-list-type"), "" | "atomic") => "x-kubernetes-list-type",
        "object" if text(items, "x-kubernetes-map-type") != "atomic" => "x-kubernetes-map-type",
        _ => return,
    };
    let given = items.get(keyword).cloned().unwrap_or(Value::Null);
    check.invalid(&path.child(keyword), given, detail);
}

fn map(check: &mut Check, items: Option<&Map<String, Value>>, keys: &[&str], path: &FieldPath) {
    let keys_path = path.child("x-kubernetes-list-map-keys");
    if keys.is_empty() {
        check.required(&keys_path, "must not be empty if x-kubernetes-list-type is map");
    }
    let items_path = path.child("items");
    let Some(items) = items else {
        check.required(&items_path, "must have a schema if x-kubernetes-list-type is map");
        return;
    };
    let given = text(items, "type");
    if given != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        check.invalid(&items_path.child("type"), given, detail);
        return;
    }
    let all_keys: Vec<Value> = keys.iter().map(|key| Value::from(*key)).collect();
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(*key) {
            check.invalid(&keys_path, all_keys.clone(), "must not contain duplicate entries");
        }
        match items.get("properties").and_then(|properties| properties.get(*key)).and_then(Value::as_object) {
            Some(property) => map_key(check, items, key, property, &items_path.child("properties").key(key)),
            None => check.invalid(&keys_path, all_keys.clone(), "entries must all be names of item properties"),
        }
    }
}

fn map_key(check: &mut Check, items: &Map<String, Value>, key: &str, property: &Map<String, Value>, path: &FieldPath) {
    let given = text(property, "type");
    if matches!(given, "array" | "object") {
        let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
        check.invalid(&path.child("type"), given, detail);
    }
    let required = list(items, "required").iter().any(|name| name == key);
    if !required && !property.contains_key("default") {
        let detail =
            "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
        check.required(&path.child("default"), detail);
    }
    if flag(property, "nullable") {
        let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
        check.forbidden(&path.child("nullable"), detail);
    }
}
