//! The order of list items after a merge.

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::directive::{Directive, ELEMENT_ORDER, added, field_of};
use super::golang;
use super::list::{self, bad_type, has_directive, key_value, require_keys};
use super::map::as_map;
use super::places::Places;
use crate::error::PatchError;

/// Merges the lists whose order the patch gives, and takes them out of the patch.
pub(super) fn merge_ordered(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(), PatchError> {
    let keys: Vec<String> = patch.keys().filter(|key| key.starts_with(ELEMENT_ORDER)).cloned().collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else { continue };
        let Value::Array(order) = order else { return Err(bad_type("[]interface {}", &order)) };
        let Some(field) = field_of(&key, ELEMENT_ORDER).transpose()? else { continue };
        let schema = schema.and_then(|schema| schema.field(field));
        let change = list_of(patch.remove(field))?;
        let live = list_of(original.get(field).cloned())?;
        let merge_key = schema.and_then(Schema::merge_key);
        check_order(change.as_deref().unwrap_or_default(), &order, merge_key)?;
        let merged = match (live.clone(), change) {
            (None, None) => continue,
            (Some(live), None) => live,
            (None, Some(change)) => list_of(added(Value::Array(change), depth))?.unwrap_or_default(),
            (Some(live), Some(change)) => list::merge(live, change, schema, depth + 1)?,
        };
        if let Some(key) = merge_key {
            require_keys(&merged, key)?;
            require_keys(&order, key)?;
        }
        let arranged = arranged(merged, &order, &live.unwrap_or_default(), merge_key);
        original.insert(field.to_owned(), Value::Array(arranged));
    }
    Ok(())
}

fn list_of(value: Option<Value>) -> Result<Option<Vec<Value>>, PatchError> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(bad_type("[]interface {}", &other)),
    }
}

/// Checks that the items of a patch are in the order that it gives.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    if let Some(key) = key {
        require_keys(order, key)?;
    }
    let mut rest = order.iter();
    for item in patch {
        if let Some(key) = key {
            let map = as_map(item)?;
            // Other directives than to delete are passed over only while there is order left to follow.
            let passed_over = has_directive(item) && !rest.as_slice().is_empty();
            if passed_over || Directive::of(map)? == Some(Directive::Delete) {
                continue;
            }
            let value = key_value(map, key)?;
            if rest.any(|ordered| ordered.get(key) == Some(value)) {
                continue;
            }
        } else if rest.any(|ordered| ordered == item) {
            continue;
        }
        let (patch, order) = (golang::list_text(patch), golang::list_text(order));
        let wrong = format!("The order in patch list:\n{patch}\n doesn't match {ELEMENT_ORDER} list:\n{order}\n");
        return Err(PatchError::Unprocessable(wrong));
    }
    Ok(())
}

/// Arranges merged items: those of `first` in its order, and among them the others in the order of the live list,
/// each before the items that follow it there.
pub(super) fn arranged(merged: Vec<Value>, first: &[Value], live: &[Value], key: Option<&str>) -> Vec<Value> {
    let (first, live) = (Places::of(first, key), Places::of(live, key));
    let (mut patched, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| first.find(item).is_some());
    patched.sort_by_cached_key(|item| first.find(item));
    others.sort_by_cached_key(|item| live.find(item));
    let mut arranged = Vec::with_capacity(patched.len() + others.len());
    let (mut patched, mut others) = (patched.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(next_patched), Some(next_other)) = (patched.peek(), others.peek()) {
        let other_first = match (live.find(next_other), live.find(next_patched)) {
            (Some(other), Some(patched)) => other < patched,
            _ => false,
        };
        arranged.extend(if other_first { others.next() } else { patched.next() });
    }
    arranged.extend(patched);
    arranged.extend(others);
    arranged
}
