//! Strategic merge patch as kustomize does it.

use cowherd_schema::{ListType, Schema};
use serde_json::{Map, Value};

use super::directive::{Directive, PATCH};
use super::keyed::KeyedList;
use super::places::Places;
use crate::MAX_DEPTH;
use crate::error::PatchError;

/// Applies a strategic merge patch as kustomize does; `None` if the patch deletes the object. Objects of unknown
/// kinds have no schema: their lists are replaced.
///
/// Patched and added items of a merging list come first, in the order of the patch. Orders and deletions in the API
/// server's form (`$setElementOrder`, `$deleteFromPrimitiveList`, `$retainKeys`) have no meaning here.
pub fn kustomize_merge_patch(doc: &Value, patch: &Value, schema: Option<&Schema>) -> Result<Option<Value>, PatchError> {
    walk(Some(doc.clone()), Some(patch), schema, 0)
}

/// What a value becomes; `None` if it goes.
pub(super) fn walk(
    dest: Option<Value>,
    patch: Option<&Value>,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Option<Value>, PatchError> {
    let Some(patch) = patch else { return Ok(dest) };
    if depth > MAX_DEPTH {
        return Ok(Some(patch.clone()));
    }
    match (dest.filter(|dest| !dest.is_null()), patch) {
        (_, Value::Null) => Ok(None),
        (None, Value::Object(patch)) => walk_map(None, patch, schema, depth),
        (Some(Value::Object(dest)), Value::Object(patch)) => walk_map(Some(dest), patch, schema, depth),
        (None, Value::Array(patch)) => walk_list(None, patch, schema, depth),
        (Some(Value::Array(dest)), Value::Array(patch)) => walk_list(Some(dest), patch, schema, depth),
        (None, scalar) => Ok(Some(scalar.clone())),
        (Some(dest), patch) if kind_of(&dest) == kind_of(patch) => Ok(Some(patch.clone())),
        (Some(dest), patch) => {
            let (expected, found) = (kind_of(&dest), kind_of(patch));
            Err(PatchError::Unprocessable(format!("wrong node kind: expected {expected} but got {found}")))
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "MappingNode",
        Value::Array(_) => "SequenceNode",
        _ => "ScalarNode",
    }
}

fn walk_map(
    dest: Option<Map<String, Value>>,
    patch: &Map<String, Value>,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Option<Value>, PatchError> {
    let mut dest = match (Directive::of(patch)?, dest) {
        (Some(Directive::Delete), _) => return Ok(None),
        (Some(Directive::Replace), _) | (_, None) => patch.clone(),
        (_, Some(dest)) => dest,
    };
    if patch.contains_key(PATCH) {
        dest.remove(PATCH);
    }
    // What is new is walked along itself: its nulls and directives go.
    for (name, change) in patch.iter().filter(|(name, _)| *name != PATCH) {
        let schema = schema.and_then(|schema| schema.field(name));
        if let Some(merged) = walk(dest.remove(name), Some(change), schema, depth + 1)? {
            dest.insert(name.clone(), merged);
        }
    }
    Ok(Some(Value::Object(dest)))
}

fn walk_list(
    dest: Option<Vec<Value>>,
    patch: &[Value],
    schema: Option<&Schema>,
    depth: usize,
) -> Result<Option<Value>, PatchError> {
    if !schema.is_some_and(|schema| schema.patch_merges) {
        return Ok(Some(Value::from(patch)));
    }
    let (directive, patch) = list_directive(patch)?;
    let dest = match (directive, dest) {
        (Directive::Delete, Some(_)) => return Ok(None),
        (Directive::Merge, Some(dest)) => dest,
        // What is new is merged with itself: its nulls and directives go.
        _ => patch.clone(),
    };
    let keys: Vec<&str> = match schema {
        Some(Schema { list_type: ListType::Map(keys), .. }) => keys.iter().map(String::as_str).collect(),
        Some(schema) => schema.merge_key().into_iter().collect(),
        None => Vec::new(),
    };
    let merged = if keys.is_empty() {
        merge_scalars(dest, &patch)
    } else {
        KeyedList { keys: &keys, schema: schema.and_then(Schema::items), depth: depth + 1 }.merge(dest, &patch)?
    };
    Ok(Some(Value::Array(merged)))
}

/// The directive for a list as a whole: an item that is nothing else.
fn list_directive(patch: &[Value]) -> Result<(Directive, Vec<Value>), PatchError> {
    let alone = |item: &&Value| item.as_object().is_some_and(|map| map.len() == 1);
    let first = patch.iter().find(|item| item.get(PATCH).is_some());
    let Some(found) = first.filter(alone).and_then(Value::as_object) else {
        return Ok((Directive::Merge, patch.to_vec()));
    };
    let directive = Directive::of(found)?.unwrap_or(Directive::Merge);
    let rest = patch.iter().filter(|item| item.get(PATCH) != found.get(PATCH)).cloned().collect();
    Ok((directive, rest))
}

fn merge_scalars(dest: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let (mut merged, mut places) = (Vec::new(), Places::of([], None));
    for item in patch.iter().cloned().chain(dest) {
        if places.find(&item).is_none() {
            places.add(&item, merged.len());
            merged.push(item);
        }
    }
    merged
}
