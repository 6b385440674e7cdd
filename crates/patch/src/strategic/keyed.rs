//! Merging lists of items with keys as kustomize does.
//!
//! Items are told apart by the texts of several keys, of which each item may lack some; an item without a protocol
//! may stand for the one with it. What kustomize makes of lists where only some items have all keys is peculiar, and
//! it is what the manifests of its users rely on: the steps here follow its steps.

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::directive::PATCH;
use super::kustomize::walk;
use crate::error::PatchError;

/// How a list is merged.
pub(super) struct KeyedList<'a> {
    pub(super) keys: &'a [&'a str],
    pub(super) schema: Option<&'a Schema>,
    pub(super) depth: usize,
}

/// The texts of the keys of an item; empty for those it does not have.
type Identity = Vec<String>;

/// Some of the keys, and what an item must have there.
type Query<'k> = Vec<(&'k str, String)>;

impl KeyedList<'_> {
    /// Merges a list of a patch into `dest`. What the patch names comes first, in its order.
    pub(super) fn merge(&self, mut dest: Vec<Value>, patch: &[Value]) -> Result<Vec<Value>, PatchError> {
        let identities = self.identities(patch, &dest);
        let mut merged: Vec<Value> = Vec::with_capacity(identities.len());
        let mut last: Vec<&str> = Vec::new();
        for identity in &identities {
            let query = self.query(identity, &identities);
            last = query.iter().map(|(key, _)| *key).collect();
            let (place, change) = (find(&dest, &query), find(patch, &query).and_then(|place| patch.get(place)));
            let found = place.and_then(|place| dest.get(place)).cloned();
            let replaced = change.is_some_and(|change| change.get(PATCH).is_some_and(|word| word == "replace"));
            match walk(found, change, self.schema, self.depth)?.filter(|item| !is_empty(item)) {
                None => set(&mut dest, None, &query),
                Some(item) => {
                    match place.and_then(|place| dest.get_mut(place)) {
                        // It may be a copy of the change, in what is new.
                        Some(Value::Object(known)) if replaced => drop(known.remove(PATCH)),
                        Some(known) => known.clone_from(&item),
                        None => (),
                    }
                    set(&mut merged, Some(item), &query);
                }
            }
        }
        for item in dest {
            self.put_back(&mut merged, item, &last);
        }
        Ok(merged)
    }

    /// What the items of both lists are told apart by, those of the patch first.
    fn identities(&self, patch: &[Value], dest: &[Value]) -> Vec<Identity> {
        let mut found: Vec<Identity> = Vec::new();
        for item in patch.iter().chain(dest) {
            let identity = self.keys.iter().map(|key| text(item.get(*key))).collect();
            if !found.contains(&identity) {
                found.push(identity);
            }
        }
        unify(&mut found);
        found
    }

    /// What to look for: of the keys that any item has, the values of this one.
    fn query(&self, identity: &Identity, all: &[Identity]) -> Query<'_> {
        let used = |place: usize| all.iter().any(|identity| identity.get(place).is_some_and(|text| !text.is_empty()));
        let any_used = (0..self.keys.len()).any(used);
        let keys = self.keys.iter().zip(identity).enumerate();
        let kept = keys.filter(|(place, _)| !any_used || used(*place));
        kept.map(|(_, (key, text))| (*key, text.clone())).collect()
    }

    /// Puts an item of the object back, in place of what was merged for it.
    fn put_back(&self, merged: &mut Vec<Value>, item: Value, keys: &[&'_ str]) {
        let texts: Vec<String> = keys.iter().filter_map(|key| item.get(*key)).map(|value| text(Some(value))).collect();
        merged.extend((texts.len()..keys.len()).map(|_| item.clone()));
        if texts.is_empty() {
            return;
        }
        // The values stand for the first keys, whichever they are of.
        let query: Query<'_> = keys.iter().copied().zip(texts).collect();
        if keys.len() > 1 {
            set(merged, None, &query);
        }
        set(merged, Some(item), &query);
    }
}

/// Makes identities that share a text and contradict each other in none the same, in the order of the list.
fn unify(identities: &mut [Identity]) {
    for left in 0..identities.len() {
        let Some(first) = identities.get(left).cloned() else { return };
        for right in 0..identities.len() {
            let Some(unified) = identities.get(right).and_then(|second| unified(&first, second)) else { continue };
            if let Some(place) = identities.get_mut(left) {
                place.clone_from(&unified);
            }
            if let Some(place) = identities.get_mut(right) {
                *place = unified;
            }
        }
    }
}

fn unified(left: &Identity, right: &Identity) -> Option<Identity> {
    let common = left.iter().zip(right).any(|(left, right)| left == right);
    let pairs = left.iter().zip(right).map(|(left, right)| match (left.is_empty(), right.is_empty()) {
        _ if left == right => Some(left.clone()),
        (true, _) => Some(right.clone()),
        (_, true) => Some(left.clone()),
        _ => None,
    });
    let unified: Option<Identity> = pairs.collect();
    unified.filter(|_| common)
}

/// The first item that has all that is asked for.
fn find(items: &[Value], query: &Query<'_>) -> Option<usize> {
    let given: Vec<&(&str, String)> = query.iter().filter(|(_, text)| !text.is_empty()).collect();
    if given.is_empty() {
        return None;
    }
    items.iter().position(|item| {
        given.iter().all(|(key, wanted)| item.get(*key).is_some_and(|value| text(Some(value)) == *wanted))
    })
}

/// Replaces the items that a query is about, or removes them; adds what replaced none. An empty text asks only that
/// the key is there.
fn set(items: &mut Vec<Value>, new: Option<Value>, query: &Query<'_>) {
    let matches = |item: &Value| {
        let has = |(key, wanted): &(&str, String)| {
            item.get(*key).is_some_and(|value| wanted.is_empty() || text(Some(value)) == *wanted)
        };
        !query.is_empty() && query.iter().all(has)
    };
    let mut replaced = false;
    let kept = std::mem::take(items).into_iter().filter(|item| !is_empty(item));
    for item in kept {
        if !matches(&item) {
            items.push(item);
            continue;
        }
        if let Some(new) = &new {
            replaced = true;
            items.push(new.clone());
        }
    }
    if let Some(new) = new.filter(|_| !replaced) {
        items.push(new);
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn is_empty(item: &Value) -> bool {
    item.is_null() || item.as_object().is_some_and(Map::is_empty)
}
