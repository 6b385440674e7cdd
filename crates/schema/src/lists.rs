//! Lists whose items must differ (`x-kubernetes-list-type` set and map).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::field::{FieldError, FieldPath};
use crate::model::{ListType, Schema};

/// The items that stand twice in the sets and maps among the lists of `value`.
pub(crate) fn duplicates(value: &Value, schema: &Schema, path: &FieldPath, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(property) = schema.property(name) {
                    duplicates(value, property, &path.child(name), errors);
                } else if let Some(additional) = schema.additional() {
                    duplicates(value, additional, &path.key(name), errors);
                }
            }
        }
        Value::Array(list) => {
            match &schema.list_type {
                ListType::Atomic => {}
                ListType::Set => repeated(list.iter().cloned(), path, errors),
                ListType::Map(keys) => repeated_keys(list, keys, path, errors),
            }
            let Some(schema) = schema.items() else { return };
            for (index, item) in list.iter().enumerate() {
                duplicates(item, schema, &path.index(index), errors);
            }
        }
        _ => {}
    }
}

fn repeated_keys(list: &[Value], keys: &[String], path: &FieldPath, errors: &mut Vec<FieldError>) {
    if let Some((index, item)) = list.iter().enumerate().find(|(_, item)| !item.is_object() && !item.is_null()) {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(&path.index(index), item.clone(), detail));
        return;
    }
    let key_of = |item: &Value| {
        let given = keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
        Value::Object(given.collect::<Map<_, _>>())
    };
    repeated(list.iter().map(key_of), path, errors);
}

/// Names each value that stands more than once, at its second place.
fn repeated(values: impl Iterator<Item = Value>, path: &FieldPath, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, value) in values.enumerate() {
        let times = seen.entry(value.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            errors.push(FieldError::duplicate(&path.index(index), value));
        }
    }
}
