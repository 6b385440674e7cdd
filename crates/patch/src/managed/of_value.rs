//! The fields that a value has.

use cowherd_schema::Schema;
use serde_json::Value;

use super::element::PathElement;
use super::set::FieldSet;
use super::shape::{Place, Shape};

impl FieldSet {
    /// The fields of `object`: its leaves, the items of its lists, and the keys of its maps.
    pub fn of(object: &Value, schema: &Schema) -> Self {
        below(Place::root(schema), object)
    }
}

/// Whether the place of a value itself counts as a field, apart from what lies below it.
pub(super) fn is_leaf(place: Place<'_>, value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty() || !place.merges_maps(),
        // An empty list that merges by item has no owner: everything that can be owned is in its items.
        Value::Array(items) => match place.shape(value) {
            Shape::List(_) => place.elements(items).is_none(),
            _ => true,
        },
        _ => true,
    }
}

/// The fields below a place that holds `value`.
pub(super) fn below(place: Place<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    match place.shape(value) {
        Shape::Leaf => (),
        Shape::Map(map) => {
            for (name, value) in map {
                let field = place.field(name);
                let member = is_leaf(field, value) || !place.knows(name);
                set.add(PathElement::field(name), member, below(field, value));
            }
        }
        Shape::List(items) => {
            for (element, value) in distinct(place, items) {
                let fields = value.map(|value| below(place.item(), value)).unwrap_or_default();
                set.add(element, true, fields);
            }
        }
    }
    set
}

/// The items of a list by what tells them apart, in order. Several of the same are one, of which nothing more is
/// known.
fn distinct<'v>(place: Place<'_>, items: &'v [Value]) -> Vec<(PathElement, Option<&'v Value>)> {
    let mut found: Vec<(PathElement, Option<&Value>)> =
        place.elements(items).unwrap_or_default().into_iter().zip(items.iter().map(Some)).collect();
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = None;
        }
        same
    });
    found
}
