//! Merging an applied configuration into a live object.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::element::PathElement;
use super::scalar::same;
use super::shape::{Place, Shape};

/// Whether merging would leave `live` as it is.
pub(super) fn is_merged(live: &Value, applied: &Value, schema: &Schema) -> bool {
    holds(Place::root(schema), live, applied)
}

/// Merges `applied` into `live`.
pub(super) fn merge(live: &mut Value, applied: &Value, schema: &Schema) {
    merge_at(Place::root(schema), live, applied);
}

fn holds(place: Place<'_>, live: &Value, applied: &Value) -> bool {
    match (live, place.shape(applied)) {
        (Value::Object(live), Shape::Map(applied)) => applied
            .iter()
            .all(|(name, applied)| live.get(name).is_some_and(|live| holds(place.field(name), live, applied))),
        (Value::Array(live), Shape::List(applied)) => holds_list(place, live, applied),
        _ => keeps_live(place, live, applied) || same(live, applied),
    }
}

/// The items are there, hold what is applied, and stand in the applied order.
fn holds_list(place: Place<'_>, live: &[Value], applied: &[Value]) -> bool {
    let (Some(live_keys), Some(applied_keys)) = (place.elements(live), place.elements(applied)) else {
        return same(&Value::from(live), &Value::from(applied));
    };
    let mut places: BTreeMap<&PathElement, usize> = BTreeMap::new();
    for (index, key) in live_keys.iter().enumerate() {
        if places.insert(key, index).is_some() {
            return false;
        }
    }
    let mut next = 0;
    applied_keys.iter().zip(applied).all(|(key, applied)| {
        let Some(&index) = places.get(key) else { return false };
        let in_order = index >= next;
        next = index;
        in_order && live.get(index).is_some_and(|live| holds(place.item(), live, applied))
    })
}

/// Applying null to a map or list that merges says nothing about what is in it.
fn keeps_live(place: Place<'_>, live: &Value, applied: &Value) -> bool {
    applied.is_null()
        && match live {
            Value::Object(map) => !map.is_empty() && place.merges_maps(),
            Value::Array(items) => !items.is_empty() && place.merges_lists(),
            _ => false,
        }
}

fn merge_at(place: Place<'_>, live: &mut Value, applied: &Value) {
    if keeps_live(place, live, applied) {
        return;
    }
    match (live, place.shape(applied)) {
        (Value::Object(live), Shape::Map(applied)) => merge_maps(place, live, applied),
        (Value::Array(live), Shape::List(items)) => match merge_lists(place, live, items) {
            Some(merged) => *live = merged,
            None => *live = items.to_vec(),
        },
        (live, _) => *live = applied.clone(),
    }
}

fn merge_maps(place: Place<'_>, live: &mut Map<String, Value>, applied: &Map<String, Value>) {
    for (name, applied) in applied {
        match live.get_mut(name) {
            Some(live) => merge_at(place.field(name), live, applied),
            None => drop(live.insert(name.clone(), applied.clone())),
        }
    }
}

/// Merges lists by item. Applied items keep their order; items that are only in the live list stay next to the items
/// they stood beside. `None` if items cannot be told apart.
fn merge_lists(place: Place<'_>, live: &mut [Value], applied: &[Value]) -> Option<Vec<Value>> {
    let (live_keys, applied_keys) = (place.elements(live)?, place.elements(applied)?);
    let mut merge = ListMerge::new(place, live, &live_keys, applied, &applied_keys);
    let (mut left, mut right) = (0, 0);
    loop {
        match (live_keys.get(left), applied_keys.get(right)) {
            (None, None) => return Some(merge.merged),
            (Some(key), Some(other)) if key == other => {
                merge.take_applied(right);
                (left, right) = (left + 1, right + 1);
            }
            // An item that comes later in the applied order waits for its turn.
            (Some(key), Some(_)) if merge.waits(key) => left += 1,
            (Some(key), _) if !merge.applied_has(key) => {
                merge.take_live(left);
                left += 1;
            }
            (Some(key), other) => {
                if merge.done.contains(key) {
                    left += 1;
                }
                if other.is_some() {
                    merge.take_applied(right);
                    right += 1;
                }
            }
            (None, Some(_)) => {
                merge.take_applied(right);
                right += 1;
            }
        }
    }
}

/// A merge of two lists under way.
struct ListMerge<'a> {
    place: Place<'a>,
    live: &'a mut [Value],
    /// Where each live item is; `None` for those that are there several times, which are replaced, not merged.
    live_places: BTreeMap<&'a PathElement, Option<usize>>,
    applied: &'a [Value],
    applied_keys: &'a [PathElement],
    applied_set: BTreeSet<&'a PathElement>,
    /// The items of both lists in the applied order that have not been merged yet.
    shared: std::vec::IntoIter<&'a PathElement>,
    next_shared: Option<&'a PathElement>,
    done: BTreeSet<&'a PathElement>,
    merged: Vec<Value>,
}

impl<'a> ListMerge<'a> {
    fn new(
        place: Place<'a>,
        live: &'a mut [Value],
        live_keys: &'a [PathElement],
        applied: &'a [Value],
        applied_keys: &'a [PathElement],
    ) -> Self {
        let mut live_places: BTreeMap<&PathElement, Option<usize>> = BTreeMap::new();
        for (index, key) in live_keys.iter().enumerate() {
            live_places.entry(key).and_modify(|place| *place = None).or_insert(Some(index));
        }
        let shared: Vec<&PathElement> = applied_keys.iter().filter(|key| live_places.contains_key(key)).collect();
        let mut shared = shared.into_iter();
        let merged = Vec::with_capacity(live.len().max(applied.len()));
        let applied_set = applied_keys.iter().collect();
        let next_shared = shared.next();
        let done = BTreeSet::new();
        Self { place, live, live_places, applied, applied_keys, applied_set, shared, next_shared, done, merged }
    }

    fn applied_has(&self, key: &PathElement) -> bool {
        self.applied_set.contains(key)
    }

    fn waits(&self, key: &PathElement) -> bool {
        self.applied_has(key) && self.next_shared.is_some_and(|next| next != key)
    }

    fn take_live(&mut self, index: usize) {
        if let Some(item) = self.live.get_mut(index) {
            self.merged.push(item.take());
        }
    }

    fn take_applied(&mut self, index: usize) {
        let (Some(key), Some(applied)) = (self.applied_keys.get(index), self.applied.get(index)) else { return };
        let live = self.live_places.get(key).copied().flatten().and_then(|index| self.live.get_mut(index));
        let item = self.place.item();
        self.merged.push(match live {
            Some(live) => {
                let mut live = live.take();
                merge_at(item, &mut live, applied);
                live
            }
            None => applied.clone(),
        });
        self.done.insert(key);
        if self.next_shared == Some(key) {
            self.next_shared = self.shared.next();
        }
    }
}
