//! Merging maps.

use std::collections::HashSet;

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::directive::{DELETE_FROM, Directive, ELEMENT_ORDER, PATCH, RETAIN_KEYS, added, bad_format, field_of};
use super::golang::type_name;
use super::list::{self, bad_type};
use super::order;
use crate::MAX_DEPTH;
use crate::error::PatchError;

/// Merges a map of a patch into a map of an object.
pub(super) fn merge(
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Map<String, Value>, PatchError> {
    if depth > MAX_DEPTH {
        return Ok(patch.clone());
    }
    match Directive::of(patch)? {
        None => (),
        Some(Directive::Replace) => {
            let fields = patch.iter().filter(|(name, _)| *name != PATCH);
            return Ok(fields.map(|(name, value)| (name.clone(), value.clone())).collect());
        }
        Some(Directive::Delete) => return Ok(Map::new()),
        Some(Directive::Merge) => return Err(Directive::unknown(&Value::from("merge"), patch)),
    }
    retain_keys(&mut original, patch)?;
    let ordered = order::merge_ordered(&mut original, patch, schema, depth)?;
    let is_done = |key: &str| key == RETAIN_KEYS || key.starts_with(ELEMENT_ORDER) || ordered.contains(key);
    for (key, change) in patch.iter().filter(|(key, _)| !is_done(key)) {
        match field_of(key, DELETE_FROM) {
            Some(field) => delete_from_field(&mut original, field?, change, schema, depth)?,
            None => merge_field(&mut original, key, change, schema, depth)?,
        }
    }
    Ok(original)
}

/// Drops the fields that `$retainKeys` does not name.
fn retain_keys(original: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), PatchError> {
    let Some(retained) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let bad = || PatchError::Malformed(bad_format(RETAIN_KEYS).to_owned());
    let retained = retained.as_array().ok_or_else(bad)?;
    let retained: HashSet<&str> = retained.iter().filter_map(Value::as_str).collect();
    let is_retained = |key: &str| retained.contains(key);
    let says_more = |(key, change): (&String, &Value)| {
        let is_directive = key == RETAIN_KEYS || key.starts_with(DELETE_FROM) || key.starts_with(ELEMENT_ORDER);
        !change.is_null() && !is_directive && !is_retained(key)
    };
    if patch.iter().any(says_more) {
        return Err(bad());
    }
    original.retain(|key, _| is_retained(key));
    Ok(())
}

/// Takes from a list what `$deleteFromPrimitiveList` names. What stands there for another value than a list is merged as if the field
/// itself was named, if it is of the same type, and means nothing otherwise.
fn delete_from_field(
    original: &mut Map<String, Value>,
    field: &str,
    change: &Value,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(), PatchError> {
    match (original.get_mut(field), change) {
        (Some(Value::Array(items)), Value::Array(deleted)) => {
            let schema = schema.and_then(|schema| schema.field(field));
            list::delete(items, deleted, schema, depth + 1)
        }
        (Some(live), change) if !change.is_null() && type_name(live) != type_name(change) => Ok(()),
        (Some(_), _) => merge_field(original, field, change, schema, depth),
        (None, _) => Ok(()),
    }
}

fn merge_field(
    original: &mut Map<String, Value>,
    key: &str,
    change: &Value,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(), PatchError> {
    if change.is_null() {
        original.remove(key);
        return Ok(());
    }
    let schema = schema.and_then(|schema| schema.field(key));
    let merged = match (original.remove(key), change) {
        (Some(Value::Object(_)), Value::Object(change)) if schema.is_some_and(|schema| schema.patch_replaces) => {
            Some(Value::Object(change.clone()))
        }
        (Some(Value::Object(field)), Value::Object(change)) => {
            Some(Value::Object(merge(field, change, schema, depth + 1)?))
        }
        (Some(Value::Array(field)), Value::Array(change)) => {
            Some(Value::Array(list::merge(field, change, schema, depth + 1)?))
        }
        (_, change) => added(change, depth),
    };
    if let Some(merged) = merged {
        original.insert(key.to_owned(), merged);
    }
    Ok(())
}

/// The map that an item of a list must be.
pub(super) fn as_map(item: &Value) -> Result<&Map<String, Value>, PatchError> {
    item.as_object().ok_or_else(|| bad_type("map[string]interface {}", item))
}
