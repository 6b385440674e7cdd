//! Merges lists some of whose items lack what tells them apart, or are told apart by several fields, such as a port and
//! its protocol.
//!
//! What comes of items that lack one of the fields is nothing that anybody would design; it is what kustomize does,
//! and manifests in the field were written against it. An item without a name, for one, takes away all that have one.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::lists::{Merge, is_empty, replaces, text};
use crate::kustomize::fields::scalar;

/// How many items are merged: each is compared with all others.
const MAX_ITEMS: usize = 1000;
/// How often an item may take the place of others.
const MAX_COPIES: usize = 100;

/// The values of an item's keys; empty where it has none.
type Values = Vec<String>;

/// The place of an item among all that there are.
type Place = usize;

/// Merges `patch` into `target`, or with itself where there is none.
pub(super) fn merge(
    target: Option<Vec<Value>>,
    patch: Vec<Value>,
    keys: &[&str],
    merge: Merge<'_>,
) -> Result<Vec<Value>, String> {
    let count = patch.len() + target.as_ref().map_or(0, Vec::len);
    if count > MAX_ITEMS {
        let keys = keys.join(" and ");
        return Err(format!("{count} items that are not all told apart by {keys}; at most {MAX_ITEMS} are merged"));
    }
    let values = all_values(patch.iter().chain(target.iter().flatten()), keys);
    let (keys, values) = used(keys, values);
    let keys = keys.as_slice();
    let stands_for_itself = target.is_none();
    let mut items = Items { all: Vec::with_capacity(count) };
    let patch = items.add(patch);
    let mut old = target.map_or_else(|| patch.clone(), |target| items.add(target));
    let mut merged: Vec<Place> = Vec::new();
    for values in values {
        let given = given(keys, &values);
        let found = items.find(&old, &given);
        let changing = if stands_for_itself { None } else { items.find(&patch, &given) };
        let place = items.merge(found, changing, stands_for_itself, merge)?;
        let pairs: Vec<(&str, &str)> = keys.iter().copied().zip(values.iter().map(String::as_str)).collect();
        match place {
            Some(place) => {
                items.complete(place, &pairs);
                items.set(&mut merged, Some(place), keys, &values)?;
            }
            None => items.set(&mut old, None, keys, &values)?,
        }
    }
    for place in old {
        let found: Vec<Option<String>> = keys.iter().map(|key| items.at(place).get(key).map(text)).collect();
        merged.extend(found.iter().filter(|value| value.is_none()).map(|_| place));
        let values: Values = found.into_iter().flatten().collect();
        if keys.len() > 1 {
            items.set(&mut merged, None, keys, &values)?;
        }
        items.set(&mut merged, Some(place), keys, &values)?;
    }
    items.taken(&merged)
}

/// The key values of all items, those of the patch first; where two agree in one of several keys and one of them lacks
/// the other, they are taken for the same.
fn all_values<'v>(items: impl Iterator<Item = &'v Value>, keys: &[&str]) -> Vec<Values> {
    let mut all: Vec<Values> = Vec::new();
    for item in items {
        let values: Values = keys.iter().map(|key| text(&item[*key])).collect();
        if !all.contains(&values) {
            all.push(values);
        }
    }
    for first in 0..if keys.len() > 1 { all.len() } else { 0 } {
        let Some(values) = all.get(first).cloned() else { break };
        for second in 0..all.len() {
            let united = all.get(second).and_then(|other| unite(&values, other));
            if let Some(united) = united {
                for at in [first, second] {
                    if let Some(place) = all.get_mut(at) {
                        place.clone_from(&united);
                    }
                }
            }
        }
    }
    all
}

/// The keys that some item has a value for, with the values of those; all where none is.
fn used<'k>(keys: &[&'k str], all: Vec<Values>) -> (Vec<&'k str>, Vec<Values>) {
    let is_used = |at: usize| all.iter().any(|values| values.get(at).is_some_and(|value| !value.is_empty()));
    let places: Vec<usize> = (0..keys.len()).filter(|at| is_used(*at)).collect();
    if places.is_empty() {
        return (keys.to_vec(), all);
    }
    let of = |values: Values| places.iter().filter_map(|at| values.get(*at).cloned()).collect();
    (places.iter().filter_map(|at| keys.get(*at).copied()).collect(), all.into_iter().map(of).collect())
}

fn unite(a: &Values, b: &Values) -> Option<Values> {
    let mut agree = false;
    let mut united = Values::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a != b && !a.is_empty() && !b.is_empty() {
            return None;
        }
        agree |= a == b;
        united.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    agree.then_some(united)
}

/// The keys that have a value, or all where none has.
fn given<'a>(keys: &[&'a str], values: &'a Values) -> Vec<(&'a str, &'a str)> {
    let all = keys.iter().copied().zip(values.iter().map(String::as_str));
    let given: Vec<_> = all.clone().filter(|(_, value)| !value.is_empty()).collect();
    if given.is_empty() { all.collect() } else { given }
}

/// All items of both lists. A list is the places of its items: one that changes does so in every list that it is in.
struct Items {
    all: Vec<Value>,
}

impl Items {
    fn add(&mut self, items: Vec<Value>) -> Vec<Place> {
        let first = self.all.len();
        self.all.extend(items);
        (first..self.all.len()).collect()
    }

    fn at(&self, place: Place) -> &Value {
        self.all.get(place).unwrap_or(&Value::Null)
    }

    /// The first mapping of a list that has these values, an empty one where it must have an empty one.
    fn find(&self, list: &[Place], given: &[(&str, &str)]) -> Option<Place> {
        let has = |item: &Map<String, Value>, key: &str, value: &str| item.get(key).is_some_and(|it| text(it) == value);
        list.iter().copied().find(|place| {
            let item = self.at(*place).as_object();
            item.is_some_and(|item| given.iter().all(|(key, value)| has(item, key, value)))
        })
    }

    /// Merges two items that are the same; where the result is, if something is left.
    fn merge(
        &mut self,
        old: Option<Place>,
        new: Option<Place>,
        stands_for_itself: bool,
        merge: Merge<'_>,
    ) -> Result<Option<Place>, String> {
        let taken = |items: &Self, place: Option<Place>| place.map(|place| items.at(place).clone());
        let (old_item, new_item) = match (taken(self, old), taken(self, new)) {
            (item, None) if stands_for_itself => (None, item),
            items => items,
        };
        if old_item.is_none() && new_item.is_none() {
            return Ok(None);
        }
        // kustomize puts the old item over the one that was to replace it.
        let is_replaced = old_item.is_some() && new_item.as_ref().is_some_and(replaces);
        if let Some(Value::Object(new)) = new.and_then(|place| self.all.get_mut(place)) {
            // A directive is heeded once.
            new.remove("$patch");
        }
        let merged = merge(old_item, new_item)?.filter(|merged| !is_empty(merged));
        let Some(merged) = merged else { return Ok(None) };
        let place = match old {
            Some(place) if !is_replaced => place,
            _ => {
                self.all.push(Value::Null);
                self.all.len() - 1
            }
        };
        if let Some(item) = self.all.get_mut(place) {
            *item = merged;
        }
        Ok(Some(place))
    }

    /// Sets the keys that an item lacks, as if they stood there unquoted.
    fn complete(&mut self, place: Place, pairs: &[(&str, &str)]) {
        let Some(Value::Object(item)) = self.all.get_mut(place) else { return };
        for (key, value) in pairs {
            if !value.is_empty() && !item.contains_key(*key) {
                item.insert((*key).to_owned(), scalar::plain(value));
            }
        }
    }

    /// Puts an item into a list in the place of those that have these values, at the end if there are none; or takes those
    /// away. An empty value stands for any, and those that are missing at the end for whatever the one before found.
    fn set(
        &self,
        list: &mut Vec<Place>,
        element: Option<Place>,
        keys: &[&str],
        values: &[String],
    ) -> Result<(), String> {
        let wants_mappings = values.first().is_some_and(|value| !value.is_empty());
        let mut is_there = false;
        let mut kept = Vec::with_capacity(list.len() + 1);
        for place in list.drain(..) {
            let item = self.at(place);
            if is_empty(item) {
                continue;
            }
            let Value::Object(item) = item else {
                if wants_mappings {
                    kept.push(place);
                    continue;
                }
                return Err("wrong node kind: an item of a list that is merged must be a mapping".into());
            };
            let has = |(key, value): (&&str, &String)| {
                item.get(*key).is_some_and(|found| value.is_empty() || text(found) == *value)
            };
            if values.is_empty() || !keys.iter().zip(values).all(has) {
                kept.extend((!values.is_empty()).then_some(place));
                continue;
            }
            is_there = true;
            kept.extend(element);
        }
        kept.extend(element.filter(|_| !is_there));
        *list = kept;
        Ok(())
    }

    /// The items of a list. Those that stand in it several times are copied.
    fn taken(mut self, list: &[Place]) -> Result<Vec<Value>, String> {
        let mut taken: Vec<Value> = Vec::with_capacity(list.len());
        let mut firsts: HashMap<Place, usize> = HashMap::new();
        for place in list {
            let item = match firsts.get(place).and_then(|first| taken.get(*first)) {
                Some(first) => first.clone(),
                None => {
                    firsts.insert(*place, taken.len());
                    self.all.get_mut(*place).map(Value::take).unwrap_or_default()
                }
            };
            taken.push(item);
            if taken.len() > firsts.len() + MAX_COPIES {
                return Err(format!("an item that lacks what tells it apart takes the place of {MAX_COPIES} others"));
            }
        }
        Ok(taken)
    }
}
