//! Taking fields out of an object.

use serde_json::Value;

use super::set::FieldSet;
use super::shape::Place;

/// Removes the fields of `set` from `value`, each with all that lies below it. What becomes empty by it goes too.
pub(super) fn remove(value: &mut Value, set: &FieldSet, place: Place<'_>) {
    match value {
        Value::Object(map) if place.merges_maps() => map.retain(|name, value| match set.get_field(name) {
            None => true,
            Some(node) if node.member => false,
            Some(node) => !empties(value, &node.below, place.field(name)),
        }),
        Value::Array(items) if place.merges_lists() => items.retain_mut(|item| {
            let Ok(element) = place.element(item) else { return true };
            match set.get(&element) {
                None => true,
                Some(node) if node.member => false,
                Some(node) => {
                    remove(item, &node.below, place.item());
                    true
                }
            }
        }),
        _ => (),
    }
}

/// Removes, and says whether that left an empty map or list where something was before.
fn empties(value: &mut Value, set: &FieldSet, place: Place<'_>) -> bool {
    let had = !is_empty(value);
    remove(value, set, place);
    had && is_empty(value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
