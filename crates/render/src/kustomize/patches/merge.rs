//! Strategic merge patches as kustomize applies them.
//!
//! They differ from those of the API server: what a patch adds to a list stands before what was there, several
//! fields together can tell items apart, and an item that a patch empties is gone.

mod several_keys;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::schemas::Merging;

/// How deep values are merged; no readable file goes deeper.
const MAX_DEPTH: usize = 256;

/// Merges `patch` into `resource`; `None` where the patch deletes it.
pub(crate) fn merge(resource: Value, patch: Value, schema: Option<Merging<'_>>) -> Result<Option<Value>, String> {
    walk(Some(resource), patch, schema, 0)
}

/// What a `$patch` says to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

fn directive(text: &Value) -> Result<Directive, String> {
    match text.as_str() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => Err(format!("unknown patch strategy {text}")),
    }
}

fn walk(
    target: Option<Value>,
    patch: Value,
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Option<Value>, String> {
    if depth > MAX_DEPTH {
        return Err("the patch is nested too deeply".into());
    }
    match (target.filter(|target| !target.is_null()), patch) {
        (_, Value::Null) => Ok(None),
        (None, patch) => added(patch, schema, depth),
        (Some(Value::Object(target)), Value::Object(patch)) => maps(target, patch, schema, depth),
        (Some(Value::Array(target)), Value::Array(patch)) => match schema.and_then(Merging::keys) {
            Some(keys) => lists(target, patch, keys, schema.and_then(Merging::items), depth).map(Some),
            None => Ok(Some(Value::Array(patch))),
        },
        (Some(target), patch) => {
            let same = matches!(
                (&target, &patch),
                (
                    Value::String(_) | Value::Number(_) | Value::Bool(_),
                    Value::String(_) | Value::Number(_) | Value::Bool(_)
                )
            );
            if same {
                return Ok(Some(patch));
            }
            Err(format!("wrong node kind: expected {}, found {}", kind(&target), kind(&patch)))
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "a mapping",
        Value::Array(_) => "a list",
        _ => "a scalar",
    }
}

/// What a patch adds where nothing was: itself, without its directives and nulls.
fn added(patch: Value, schema: Option<Merging<'_>>, depth: usize) -> Result<Option<Value>, String> {
    match patch {
        Value::Object(mut patch) => {
            if let Some(text) = patch.remove("$patch")
                && directive(&text)? == Directive::Delete
            {
                return Ok(None);
            }
            maps(Map::new(), patch, schema, depth)
        }
        Value::Array(patch) => match schema.and_then(Merging::keys) {
            Some(keys) => lists(Vec::new(), patch, keys, schema.and_then(Merging::items), depth).map(Some),
            None => Ok(Some(Value::Array(patch))),
        },
        patch => Ok(Some(patch)),
    }
}

fn maps(
    mut target: Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Option<Value>, String> {
    if let Some(text) = patch.remove("$patch") {
        match directive(&text)? {
            Directive::Delete => return Ok(None),
            Directive::Replace => target.clear(),
            Directive::Merge => {}
        }
    }
    if let Some(schema) = schema {
        for (name, value) in target.iter_mut().filter(|(name, _)| !patch.contains_key(*name)) {
            if let Some(field) = schema.field(name) {
                tidy(value, field, depth + 1)?;
            }
        }
    }
    for (name, value) in patch {
        let field = schema.and_then(|schema| schema.field(&name));
        let old = target.remove(&name);
        if let Some(merged) = walk(old, value, field, depth + 1)? {
            target.insert(name, merged);
        }
    }
    Ok(Some(Value::Object(target)))
}

/// Merges what a patch does not mention with nothing: of items that are told apart by nothing the last one stays.
fn tidy(value: &mut Value, schema: Merging<'_>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(field) = schema.field(name) {
                    tidy(value, field, depth + 1)?;
                }
            }
        }
        Value::Array(items) => {
            let Some(keys) = schema.keys().filter(|keys| !keys.is_empty()) else { return Ok(()) };
            if let Some(of_items) = schema.items() {
                items.iter_mut().try_for_each(|item| tidy(item, of_items, depth + 1))?;
            }
            if has_duplicates(items, &keys) {
                *value = lists(std::mem::take(items), Vec::new(), keys, schema.items(), depth)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether two items of a list are the same, or could be.
fn has_duplicates(items: &[Value], keys: &[&str]) -> bool {
    let Some((first, _)) = keys.split_first() else { return false };
    let mut seen = HashSet::new();
    items.iter().filter_map(|item| item.get(first)).any(|value| !seen.insert(value.to_string()))
}

/// Puts each item in the place of an earlier one that is the same.
fn collapse(items: &mut Vec<Value>, keys: &[&str]) {
    if !has_duplicates(items, keys) {
        return;
    }
    let mut collapsed: Vec<Value> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match collapsed.iter_mut().find(|earlier| same(earlier, &item, keys)) {
            Some(earlier) => *earlier = item,
            None => collapsed.push(item),
        }
    }
    *items = collapsed;
}

fn lists(
    mut target: Vec<Value>,
    mut patch: Vec<Value>,
    keys: Vec<&str>,
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Value, String> {
    let alone = |item: &Value| item.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("$patch"));
    if let Some(at) = patch.iter().position(alone) {
        match directive(&patch.remove(at)["$patch"])? {
            Directive::Delete => return Ok(Value::Array(Vec::new())),
            Directive::Replace => target.clear(),
            Directive::Merge => {}
        }
    }
    if keys.is_empty() {
        let mut merged: Vec<Value> = Vec::new();
        for item in patch.into_iter().chain(target) {
            if !merged.contains(&item) {
                merged.push(item);
            }
        }
        return Ok(Value::Array(merged));
    }
    let given = |key: &&str| target.iter().chain(&patch).any(|item| !item[*key].is_null());
    let used: Vec<&str> = keys.iter().copied().filter(given).collect();
    let keys = if used.is_empty() { keys } else { used };
    if keys.len() > 1 {
        return several_keys::merge(target, patch, &keys, |old, new| walk(old, new, schema, depth + 1));
    }
    let mut target: Vec<Option<Value>> = target.into_iter().map(Some).collect();
    let mut first: Vec<Value> = Vec::new();
    for item in patch {
        // An item that the same patch has named before is merged into that.
        if let Some(at) = first.iter().position(|other| same(other, &item, &keys)) {
            let earlier = first.remove(at);
            if let Some(merged) = walk(Some(earlier), item, schema, depth + 1)?.filter(|merged| !is_empty(merged)) {
                first.insert(at, merged);
            }
            continue;
        }
        let found = target.iter().position(|other| other.as_ref().is_some_and(|other| same(other, &item, &keys)));
        let old = found.and_then(|at| target.get_mut(at)).and_then(Option::take);
        if let Some(old) = old.as_ref().filter(|_| item["$patch"] == "replace") {
            // kustomize puts the old item over the one that was to replace it.
            first.push(old.clone());
            continue;
        }
        let Some(merged) = walk(old, item, schema, depth + 1)?.filter(|merged| !is_empty(merged)) else {
            continue;
        };
        first.push(merged);
    }
    first.extend(target.into_iter().flatten());
    collapse(&mut first, &keys);
    Ok(Value::Array(first))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// Whether two items are the same.
fn same(a: &Value, b: &Value, keys: &[&str]) -> bool {
    keys.iter().all(|key| !a[*key].is_null() && a[*key] == b[*key])
}
