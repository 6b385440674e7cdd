//! The words that a strategic merge patch uses besides its fields.

use serde_json::{Map, Value};

use super::golang;
use crate::error::PatchError;

/// Says what becomes of the map or item that it stands in.
pub(super) const PATCH: &str = "$patch";
/// Names the fields that stay; all others of the map go.
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
/// Before the name of a list of scalars: those to delete from it.
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList";
/// Before the name of a list: the order its items shall have.
pub(super) const ELEMENT_ORDER: &str = "$setElementOrder";

/// The values of `$patch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Replace,
    Delete,
    Merge,
}

impl Directive {
    /// The directive of a map of a patch, if it has one.
    pub(super) fn of(map: &Map<String, Value>) -> Result<Option<Self>, PatchError> {
        match map.get(PATCH) {
            None => Ok(None),
            Some(Value::String(name)) if name == "replace" => Ok(Some(Self::Replace)),
            Some(Value::String(name)) if name == "delete" => Ok(Some(Self::Delete)),
            Some(Value::String(name)) if name == "merge" => Ok(Some(Self::Merge)),
            Some(other) => Err(Self::unknown(other, map)),
        }
    }

    /// The error for a directive that may not stand where it stands.
    pub(super) fn unknown(directive: &Value, map: &Map<String, Value>) -> PatchError {
        // Only the names of the fields: the map may be the data of a Secret.
        let fields: Vec<String> = map.keys().map(|name| format!("{name}:***")).collect();
        let (directive, fields) = (golang::text_for_text(directive), fields.join(" "));
        PatchError::Unprocessable(format!("unknown patch type: {directive} in map: map[{fields}]"))
    }
}

/// The field that a key such as `$setElementOrder/containers` is about.
pub(super) fn field_of<'k>(key: &'k str, prefix: &str) -> Option<Result<&'k str, PatchError>> {
    let rest = key.strip_prefix(prefix)?;
    Some(rest.strip_prefix('/').ok_or_else(|| PatchError::Malformed(bad_format(prefix).to_owned())))
}

/// What is wrong with a directive that has another form than it must have.
pub(super) fn bad_format(directive: &str) -> &'static str {
    match directive {
        DELETE_FROM => "invalid patch format of primitive list",
        RETAIN_KEYS => "invalid patch format of retainKeys",
        _ => "invalid patch format of setElementOrder list",
    }
}

/// What a value of a patch adds where nothing was: without nulls in its maps, and without the maps that only say what to do with
/// something; `None` if it is such a map itself.
///
/// Other directives stay where they stand: there is nothing for them to say anything of, so they are fields that nobody knows.
pub(super) fn added(value: &Value, depth: usize) -> Option<Value> {
    taken(value, false, depth)
}

/// The items of a list of a patch where none was, with their nulls.
pub(super) fn added_items(items: &[Value], depth: usize) -> Vec<Value> {
    items.iter().filter_map(|item| taken(item, true, depth + 1)).collect()
}

fn taken(value: &Value, with_nulls: bool, depth: usize) -> Option<Value> {
    if depth > crate::MAX_DEPTH {
        return Some(value.clone());
    }
    let is_there = |value: &Value| with_nulls || !value.is_null();
    Some(match value {
        Value::Object(map) if map.get(PATCH).is_some_and(is_there) => return None,
        Value::Object(map) => {
            let fields = map.iter().filter(|(_, value)| is_there(value));
            Value::Object(
                fields.filter_map(|(name, value)| Some((name.clone(), taken(value, with_nulls, depth + 1)?))).collect(),
            )
        }
        Value::Array(items) => {
            Value::Array(items.iter().filter_map(|item| taken(item, with_nulls, depth + 1)).collect())
        }
        scalar => scalar.clone(),
    })
}
