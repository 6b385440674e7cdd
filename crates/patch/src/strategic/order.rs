//! The order of list items after a merge.

use std::collections::BTreeSet;

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::directive::{Directive, ELEMENT_ORDER, added_items, field_of};
use super::golang;
use super::list::{self, bad_type, has_directive, key_value, require_keys};
use super::map::as_map;
use super::places::Places;
use super::sorting;
use crate::error::PatchError;

/// Merges the lists whose order the patch gives. Their fields in the patch are done with then, and given.
pub(super) fn merge_ordered<'p>(
    original: &mut Map<String, Value>,
    patch: &'p Map<String, Value>,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<BTreeSet<&'p str>, PatchError> {
    let mut done = BTreeSet::new();
    for (key, order) in patch.iter().filter(|(key, _)| key.starts_with(ELEMENT_ORDER)) {
        let Value::Array(order) = order else { return Err(bad_type("[]interface {}", order)) };
        let Some(field) = field_of(key, ELEMENT_ORDER).transpose()? else { continue };
        done.insert(field);
        let schema = schema.and_then(|schema| schema.field(field));
        let change = patch.get(field).map(items_of).transpose()?;
        if let Some(live) = original.get(field) {
            items_of(live)?;
        }
        let merge_key = schema.and_then(Schema::merge_key);
        check_order(change.unwrap_or_default(), order, merge_key)?;
        let items = original.get(field).map(items_of).transpose()?.into_iter().chain(change).flatten();
        if let (None, Some(item)) = (merge_key, items.filter_map(Value::as_object).next()) {
            // Nothing tells maps apart that have no key, so they have no order.
            key_value(item, "")?;
        }
        // The live list is worked on in place: what it was like stays known by its places.
        let live = match original.remove(field) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        };
        let places = Places::of(live.iter().flatten(), merge_key);
        if live.as_deref().unwrap_or_default().is_empty() && change.is_some_and(<[Value]>::is_empty)
            || live.as_ref().is_some_and(Vec::is_empty) && change.is_none()
        {
            return Err(PatchError::Unprocessable("no elements in any of the given slices".to_owned()));
        }
        let merged = match (live, change) {
            (None, None) => continue,
            (Some(live), None) => live,
            (None, Some(change)) => added_items(change, depth),
            (Some(live), Some(change)) => list::merge(live, change, schema, depth + 1)?,
        };
        if let Some(key) = merge_key {
            require_keys(&merged, key)?;
            require_maps(order, &merged, key)?;
            require_keys(order, key)?;
        }
        let arranged = arranged(merged, &Places::of(order, merge_key), &places);
        original.insert(field.to_owned(), Value::Array(arranged));
    }
    Ok(done)
}

fn items_of(value: &Value) -> Result<&[Value], PatchError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| bad_type("[]interface {}", value))
}

/// Checks that an order has nothing but maps before what an item is looked for among.
fn require_maps(order: &[Value], items: &[Value], key: &str) -> Result<(), PatchError> {
    let Some(place) = order.iter().position(|item| !item.is_object()) else { return Ok(()) };
    let before = Places::of(order.iter().take(place), Some(key));
    if items.iter().all(|item| before.find(item).is_some()) {
        return Ok(());
    }
    Err(PatchError::Unprocessable(format!("value for key {place} is not a map")))
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
pub(super) fn arranged(merged: Vec<Value>, first: &Places<'_>, live: &Places<'_>) -> Vec<Value> {
    let (mut patched, others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| first.find(item).is_some());
    patched.sort_by_cached_key(|item| first.find(item));
    let mut placed: Vec<(Option<usize>, Value)> = others.into_iter().map(|item| (live.find(&item), item)).collect();
    sorting::sort(&mut placed, &|left, right| match (left.0, right.0) {
        (Some(left), Some(right)) => left < right,
        _ => true,
    });
    let others: Vec<Value> = placed.into_iter().map(|(_, item)| item).collect();
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
