//! Taking fields out of an object.

use serde_json::Value;

use super::set::{FieldSet, Node};
use super::shape::Place;

/// Removes the fields of `set` from `value`, each with all that lies below it.
pub(super) fn remove(value: &mut Value, set: &FieldSet, place: Place<'_>) {
    match value {
        Value::Object(map) => {
            map.retain(|name, value| set.get_field(name).is_none_or(|node| stays(value, node, place.field(name))));
        }
        Value::Array(items) => items.retain_mut(|item| {
            let Ok(element) = place.element(item) else { return true };
            set.get(&element).is_none_or(|node| stays(item, node, place.item()))
        }),
        _ => (),
    }
}

/// Whether a value stays of which a set has that; what does not stay in it is removed.
fn stays(value: &mut Value, node: &Node, place: Place<'_>) -> bool {
    if !node.member {
        remove(value, &node.below, place);
    }
    !node.member
}
