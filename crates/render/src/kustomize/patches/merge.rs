//! Strategic merge patches as kustomize applies them.
//!
//! They differ from those of the API server: what a patch adds to a list stands before what was there, several
//! fields together can tell items apart, and an item that a patch empties is gone.

mod lists;
mod unequal;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::schemas::Merging;

/// How deep values are merged; no readable file goes deeper.
const MAX_DEPTH: usize = 256;

const TOO_DEEP: &str = "the patch is nested too deeply";

/// Merges `patch` into `resource`; `None` where the patch deletes it.
pub(crate) fn merge(resource: Value, patch: Value, schema: Option<Merging<'_>>) -> Result<Option<Value>, String> {
    if patch["$patch"] == "replace" && resource.is_object() {
        // kustomize makes the new object, and leaves the old one where it is.
        return added(patch, schema, 0).map(|_| Some(resource));
    }
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
        return Err(TOO_DEEP.into());
    }
    match (target.filter(|target| !target.is_null()), patch) {
        (_, Value::Null) => Ok(None),
        (None, patch) => added(patch, schema, depth),
        (Some(Value::Object(target)), Value::Object(patch)) => maps(target, patch, schema, depth),
        (Some(Value::Array(target)), Value::Array(patch)) => match schema.and_then(Merging::keys) {
            Some(keys) => changed(target, patch, &keys, schema.and_then(Merging::items), depth),
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

/// What a patch adds where nothing was: itself, without its directives and nulls. What it says of a list that is not there
/// stays in it.
fn added(patch: Value, schema: Option<Merging<'_>>, depth: usize) -> Result<Option<Value>, String> {
    match patch {
        Value::Object(patch) => added_map(patch, schema, depth),
        Value::Array(patch) => match schema.and_then(Merging::keys) {
            Some(keys) => merged(None, patch, &keys, schema.and_then(Merging::items), depth).map(Some),
            None => Ok(Some(Value::Array(patch))),
        },
        patch => Ok(Some(patch)),
    }
}

fn added_map(
    mut patch: Map<String, Value>,
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Option<Value>, String> {
    if let Some(text) = patch.remove("$patch")
        && directive(&text)? == Directive::Delete
    {
        return Ok(None);
    }
    let mut added = Map::new();
    for (name, value) in patch {
        let field = schema.and_then(|schema| schema.field(&name));
        if let Some(value) = inside_added(value, field, depth + 1)? {
            added.insert(name, value);
        }
    }
    Ok(Some(Value::Object(added)))
}

/// What is left of what stands in a map that a patch adds: kustomize merges it with itself.
fn inside_added(patch: Value, schema: Option<Merging<'_>>, depth: usize) -> Result<Option<Value>, String> {
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP.into());
    }
    match (patch, schema.and_then(Merging::keys)) {
        (Value::Null, _) => Ok(None),
        (Value::Object(patch), _) => added_map(patch, schema, depth),
        (Value::Array(mut patch), Some(keys)) => match take_directive(&mut patch)? {
            Directive::Delete => Ok(None),
            _ => merged(None, patch, &keys, schema.and_then(Merging::items), depth).map(Some),
        },
        (patch, _) => Ok(Some(patch)),
    }
}

fn maps(
    mut target: Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Option<Value>, String> {
    match patch.get("$patch").map(directive).transpose()? {
        Some(Directive::Delete) => return Ok(None),
        Some(Directive::Replace) => return added_map(patch, schema, depth),
        Some(Directive::Merge) | None => patch.remove("$patch"),
    };
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
            if lists::may_change(items, &keys) {
                *value = merged(Some(std::mem::take(items)), Vec::new(), &keys, schema.items(), depth)?;
            } else if let Some(of_items) = schema.items() {
                items.iter_mut().try_for_each(|item| tidy(item, of_items, depth + 1))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Merges a list with one that was there, unless the patch says that it goes or is replaced.
fn changed(
    target: Vec<Value>,
    mut patch: Vec<Value>,
    keys: &[&str],
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Option<Value>, String> {
    match take_directive(&mut patch)? {
        Directive::Delete => Ok(None),
        Directive::Replace => merged(None, patch, keys, schema, depth).map(Some),
        Directive::Merge => merged(Some(target), patch, keys, schema, depth).map(Some),
    }
}

/// What a list says to do with the one that was there, which is taken out of it.
fn take_directive(patch: &mut Vec<Value>) -> Result<Directive, String> {
    let directed = patch.iter().find(|item| item.get("$patch").is_some());
    // Where the first item with a directive has other fields, it is about that item alone.
    let Some(of_list) = directed.filter(|item| item.as_object().is_some_and(|item| item.len() == 1)) else {
        return Ok(Directive::Merge);
    };
    let text = of_list["$patch"].clone();
    patch.retain(|item| item["$patch"] != text && !lists::is_empty(item));
    directive(&text)
}

/// Merges a list with one that was there, or makes a new one.
fn merged(
    target: Option<Vec<Value>>,
    patch: Vec<Value>,
    keys: &[&str],
    schema: Option<Merging<'_>>,
    depth: usize,
) -> Result<Value, String> {
    if keys.is_empty() {
        let mut seen = HashSet::new();
        let all = patch.into_iter().chain(target.into_iter().flatten());
        return Ok(all.filter(|item| seen.insert(item.to_string())).collect());
    }
    let merge = |old: Option<Value>, new: Option<Value>| match (old, new, schema) {
        (old, Some(new), _) => walk(old, new, schema, depth + 1),
        (Some(mut old), None, Some(schema)) => tidy(&mut old, schema, depth + 1).map(|()| Some(old)),
        (old, None, _) => Ok(old),
    };
    lists::merge(target, patch, keys, &merge).map(Value::Array)
}
