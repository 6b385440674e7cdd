//! Merging lists.

use cowherd_schema::{Schema, Type};
use serde_json::{Map, Value};

use super::directive::{Directive, PATCH};
use super::map::{self, as_map};
use super::places::Places;
use super::{golang, order};
use crate::error::PatchError;

/// Merges a list of a patch into a list of an object, if the schema says that it merges.
pub(super) fn merge(
    original: Vec<Value>,
    patch: &[Value],
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Vec<Value>, PatchError> {
    let Some(schema) = schema.filter(|schema| schema.patch_merges) else { return Ok(patch.to_vec()) };
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    check_types([original.as_slice(), patch])?;
    let is_map = original.first().or(patch.first()).is_some_and(Value::is_object);
    match schema.merge_key() {
        Some(key) if is_map => merge_maps(original, patch, key, schema.items(), depth),
        None if is_map => Err(keyless(schema.items())),
        _ => Ok(merge_scalars(original, patch)),
    }
}

/// Takes from a list of scalars those that a patch names. A list of maps is merged with what is named.
pub(super) fn delete(
    original: &mut Vec<Value>,
    deleted: &[Value],
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(), PatchError> {
    check_types([original.as_slice(), deleted])?;
    if !original.first().or(deleted.first()).is_some_and(Value::is_object) {
        let deleted = Places::of(deleted, None);
        original.retain(|item| deleted.find(item).is_none());
        return Ok(());
    }
    let items = schema.and_then(Schema::items);
    let key = schema.and_then(Schema::merge_key).ok_or_else(|| keyless(items))?;
    *original = merge_maps(std::mem::take(original), deleted, key, items, depth)?;
    Ok(())
}

/// The error for maps that nothing tells apart, with what Go's type of them is called.
fn keyless(items: Option<&Schema>) -> PatchError {
    let name = if items.is_some_and(|items| items.value_type == Type::Object) { "struct" } else { "string" };
    PatchError::Unprocessable(format!("cannot merge lists without merge key for {name}"))
}

fn merge_scalars(original: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let (first, live) = (Places::of(patch, None), Places::of(&original, None));
    let mut merged: Vec<Value> = Vec::new();
    let mut places = Places::of([], None);
    for item in original.into_iter().chain(patch.iter().cloned()) {
        if places.find(&item).is_none() {
            places.add(&item, merged.len());
            merged.push(item);
        }
    }
    order::arranged(merged, &first, &live)
}

fn merge_maps(
    original: Vec<Value>,
    patch: &[Value],
    key: &str,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Vec<Value>, PatchError> {
    let (mut merged, patch) = follow_directives(original, patch, key)?;
    require_keys(&merged, key)?;
    let (first, live) = (Places::of(patch.iter().copied(), Some(key)), Places::of(&merged, Some(key)));
    let mut places = Places::of(&merged, Some(key));
    for item in patch {
        let change = as_map(item)?;
        key_value(change, key)?;
        match places.find(item).and_then(|place| merged.get_mut(place)) {
            Some(Value::Object(found)) => {
                let field = std::mem::take(found);
                *found = map::merge(field, change, schema, depth + 1)?;
            }
            _ => {
                places.add(item, merged.len());
                merged.push(item.clone());
            }
        }
    }
    require_keys(&merged, key)?;
    Ok(order::arranged(merged, &first, &live))
}

/// Deletes and replaces what items with `$patch` say; gives the items that remain of both lists.
fn follow_directives<'p>(
    mut original: Vec<Value>,
    patch: &'p [Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<&'p Value>), PatchError> {
    let mut rest = Vec::with_capacity(patch.len());
    let mut deleted = Places::of([], Some(key));
    let mut replace = false;
    for item in patch {
        let change = as_map(item)?;
        match Directive::of(change)? {
            None => rest.push(item),
            Some(Directive::Delete) => {
                key_value(change, key)?;
                deleted.add(item, 0);
            }
            Some(Directive::Replace) => replace = true,
            Some(Directive::Merge) => {
                let detail = "merging lists cannot yet be specified in the patch";
                return Err(PatchError::Unprocessable(detail.to_owned()));
            }
        }
    }
    original.retain(|item| deleted.find(item).is_none());
    if replace {
        return Ok((rest.into_iter().cloned().collect(), Vec::new()));
    }
    Ok((original, rest))
}

/// The value that tells an item apart.
pub(super) fn key_value<'v>(item: &'v Map<String, Value>, key: &str) -> Result<&'v Value, PatchError> {
    item.get(key).ok_or_else(|| {
        PatchError::Unprocessable(format!("map: {} does not contain declared merge key: {key}", golang::map_text(item)))
    })
}

/// Checks that all items can be told apart.
pub(super) fn require_keys(items: &[Value], key: &str) -> Result<(), PatchError> {
    items.iter().try_for_each(|item| key_value(as_map(item)?, key).map(drop))
}

/// Checks that the items of both lists have one type.
pub(super) fn check_types(lists: [&[Value]; 2]) -> Result<(), PatchError> {
    let mut items = lists.iter().copied().flatten();
    let Some(first) = items.next() else { return Ok(()) };
    if first.is_array() {
        return Err(PatchError::Unprocessable("lists of lists are not supported".to_owned()));
    }
    let name = golang::type_name(first);
    if items.all(|item| golang::type_name(item) == name) {
        return Ok(());
    }
    let lists = lists.map(golang::list_text).join(" ");
    Err(PatchError::Unprocessable(format!("list element types are not identical: [{lists}]")))
}

/// The error for a value of the wrong type.
pub(super) fn bad_type(expected: &str, found: &Value) -> PatchError {
    PatchError::Unprocessable(format!("expected a {expected}, but received a {}", golang::type_name(found)))
}

/// Whether an item of a patch says what to do with an item rather than what is in it.
pub(super) fn has_directive(item: &Value) -> bool {
    item.get(PATCH).is_some()
}
