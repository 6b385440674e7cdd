//! Merges lists whose items are told apart by their keys, such as containers by their names.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::unequal;

/// Merges an item of the list that was there with the item of the patch that is the same; either may be missing. `None`
/// where nothing is left.
pub(super) type Merge<'m> = &'m dyn Fn(Option<Value>, Option<Value>) -> Result<Option<Value>, String>;

/// Merges `patch` into `target`, whose items are told apart by `keys`. Where no list was there, the patch is merged with
/// itself.
pub(super) fn merge(
    target: Option<Vec<Value>>,
    patch: Vec<Value>,
    keys: &[&str],
    merge: Merge<'_>,
) -> Result<Vec<Value>, String> {
    let all = || target.iter().flatten().chain(&patch);
    let used: Vec<&str> = keys.iter().copied().filter(|key| all().any(|item| !text(&item[*key]).is_empty())).collect();
    let are_named = all().all(|item| used.iter().all(|key| !text(&item[*key]).is_empty()));
    if are_named && !used.is_empty() {
        by_name(target, patch, &used, merge)
    } else {
        unequal::merge(target, patch, keys, merge)
    }
}

/// Whether merging the list with nothing may change it: items are the same, or lack what tells them apart.
pub(super) fn may_change(items: &[Value], keys: &[&str]) -> bool {
    let Some((first, _)) = keys.split_first() else { return false };
    let mut seen = HashSet::new();
    items.iter().any(|item| {
        let name = text(&item[*first]);
        name.is_empty() || !seen.insert(name)
    })
}

/// Items of one name.
#[derive(Default)]
struct Named {
    /// The first one in the list that was there.
    old: Option<Value>,
    /// The last one there, if there are several.
    last: Option<Value>,
    /// The first one in the patch; others of its name change nothing.
    new: Option<Value>,
    /// Where the last one is in the list that was there.
    place: Option<usize>,
}

/// Merges lists whose items all have a name: those of the patch come first, where a name is of several fields only new
/// ones. Of several that were there the last one stays.
fn by_name(
    target: Option<Vec<Value>>,
    patch: Vec<Value>,
    keys: &[&str],
    merge: Merge<'_>,
) -> Result<Vec<Value>, String> {
    let (patch, target, stands_for_itself) = match target {
        Some(target) => (patch, target, false),
        None => (Vec::new(), patch, true),
    };
    let mut names = Names::default();
    for item in patch {
        names.of(&item, keys).new.get_or_insert(item);
    }
    for (place, item) in target.into_iter().enumerate() {
        let named = names.of(&item, keys);
        named.place = Some(place);
        if named.old.is_none() {
            named.old = Some(item);
        } else {
            named.last = Some(item);
        }
    }
    let mut all = names.order;
    if keys.len() > 1 {
        all.sort_by_key(|named| named.place);
    }
    let mut merged = Vec::with_capacity(all.len());
    for Named { old, last, new, .. } in all {
        // kustomize puts the old item over the one that was to replace it.
        let stays = if new.as_ref().is_some_and(replaces) { old.clone() } else { None };
        let item = if stands_for_itself { merge(None, old)? } else { merge(old, new)? };
        if let Some(item) = item.filter(|item| !is_empty(item)) {
            merged.push(last.or(stays).unwrap_or(item));
        }
    }
    Ok(merged)
}

/// Items by name, in the order in which the names came.
#[derive(Default)]
struct Names {
    order: Vec<Named>,
    places: HashMap<Vec<String>, usize>,
}

impl Names {
    fn of(&mut self, item: &Value, keys: &[&str]) -> &mut Named {
        let name = keys.iter().map(|key| text(&item[*key])).collect();
        let place = *self.places.entry(name).or_insert(self.order.len());
        if place == self.order.len() {
            self.order.push(Named::default());
        }
        &mut self.order[place]
    }
}

/// Whether an item of a patch says that it takes the place of another one.
pub(super) fn replaces(item: &Value) -> bool {
    item["$patch"] == "replace"
}

pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// The text that a field tells items apart by; empty for what is no scalar.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As patches are merged: field by field, with directives.
    fn fields(old: Option<Value>, new: Option<Value>) -> Result<Option<Value>, String> {
        match (old, new) {
            (_, Some(new)) if new["$patch"] == "delete" => Ok(None),
            (Some(old), Some(mut new)) => {
                let replaces = new.as_object_mut().and_then(|new| new.remove("$patch")).is_some();
                let mut merged = if replaces { Map::new() } else { old.as_object().cloned().unwrap_or_default() };
                merged.extend(new.as_object().cloned().unwrap_or_default());
                Ok(Some(merged.into()))
            }
            (None, Some(mut new)) => {
                let _ = new.as_object_mut().and_then(|new| new.remove("$patch"));
                Ok(Some(new))
            }
            (old, None) => Ok(old),
        }
    }

    fn item() -> impl Strategy<Value = Value> {
        let directive = prop_oneof![3 => Just(None), 1 => Just(Some("replace")), 1 => Just(Some("delete"))];
        ("[ab]", 1..3, 0..4, directive).prop_map(|(name, port, value, directive)| match directive {
            None => json!({"name": name, "port": port, "value": value}),
            Some(directive) => json!({"name": name, "port": port, "value": value, "$patch": directive}),
        })
    }

    fn old() -> impl Strategy<Value = Value> {
        ("[abc]", 1..3, 4..9).prop_map(|(name, port, value)| json!({"name": name, "port": port, "value": value}))
    }

    proptest! {
        #[test]
        fn named_items_merge_as_any_items_do(
            target in prop::option::of(prop::collection::vec(old(), 0..4)),
            patch in prop::collection::vec(item(), 0..4),
            keys in prop::sample::select(vec![vec!["name"], vec!["name", "port"]]),
        ) {
            let quick = by_name(target.clone(), patch.clone(), &keys, &fields);
            prop_assert_eq!(quick, unequal::merge(target, patch, &keys, &fields));
        }
    }
}
