//! Merges lists whose items are told apart by several fields, such as a port and its protocol.
//!
//! What comes of items that lack one of the fields is nothing that anybody would design; it is what kustomize does,
//! and manifests in the field were written against it.

use serde_json::{Map, Value};

/// The values of an item's keys; empty where it has none.
type Values = Vec<String>;

/// Merges `patch` into `target`; `walk` merges two items.
pub(super) fn merge(
    mut target: Vec<Value>,
    mut patch: Vec<Value>,
    keys: &[&str],
    walk: impl Fn(Option<Value>, Value) -> Result<Option<Value>, String>,
) -> Result<Value, String> {
    let mut added: Vec<Value> = Vec::new();
    for values in all_values(&target, &patch, keys) {
        let given = Pairs::given(keys, &values);
        let in_patch = patch.iter().position(|item| given.matches(item));
        let in_target = target.iter().position(|item| given.matches(item));
        let old = in_target.and_then(|at| target.get(at)).cloned();
        let mut replaces = false;
        let merged = match in_patch.and_then(|at| patch.get_mut(at)) {
            Some(item) => {
                replaces = old.is_some() && item["$patch"] == "replace";
                let merged = walk(old, item.clone())?;
                if let Value::Object(item) = item {
                    // A directive is heeded once.
                    item.remove("$patch");
                }
                merged
            }
            None => old,
        };
        let pairs = Pairs::all(keys, &values);
        let Some(mut merged) = merged.filter(|merged| !is_empty(merged)) else {
            target.retain(|item| !pairs.matches(item));
            continue;
        };
        if let Value::Object(map) = &mut merged {
            complete(map, &pairs);
        }
        if let Some(place) = in_target.filter(|_| !replaces).and_then(|at| target.get_mut(at)) {
            place.clone_from(&merged);
        }
        match added.iter_mut().find(|item| pairs.matches(item)) {
            Some(place) => *place = merged,
            None => added.push(merged),
        }
    }
    for item in target {
        let pairs = Pairs(keys.iter().filter_map(|key| Some((*key, text(item.get(key)?)))).collect());
        added.retain(|other| !pairs.matches(other));
        added.push(item);
    }
    Ok(Value::Array(added))
}

/// The key values of all items, those of the patch first; where two agree in one key and one of them lacks the
/// other, they are taken for the same.
fn all_values(target: &[Value], patch: &[Value], keys: &[&str]) -> Vec<Values> {
    let mut all: Vec<Values> = Vec::new();
    for item in patch.iter().chain(target) {
        let values: Values = keys.iter().map(|key| item.get(key).map(text).unwrap_or_default()).collect();
        if !all.contains(&values) {
            all.push(values);
        }
    }
    for first in 0..all.len() {
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

/// Keys and the values that they must have.
struct Pairs<'a>(Vec<(&'a str, String)>);

impl<'a> Pairs<'a> {
    fn all(keys: &[&'a str], values: &Values) -> Self {
        Self(keys.iter().copied().zip(values.iter().cloned()).collect())
    }

    /// Those that have a value, or all where none has.
    fn given(keys: &[&'a str], values: &Values) -> Self {
        let all = Self::all(keys, values);
        if all.0.iter().all(|(_, value)| value.is_empty()) {
            return all;
        }
        Self(all.0.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Whether `item` has every key, with its value where there is one.
    fn matches(&self, item: &Value) -> bool {
        self.0.iter().all(|(key, value)| {
            item.get(key).is_some_and(|found| !found.is_null() && (value.is_empty() || text(found) == *value))
        })
    }
}

/// Sets the keys that the item lacks.
fn complete(item: &mut Map<String, Value>, pairs: &Pairs<'_>) {
    for (key, value) in &pairs.0 {
        if !value.is_empty() && !item.contains_key(*key) {
            item.insert((*key).to_owned(), value.as_str().into());
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
