//! Where an assignment puts its value: names with dots between them and indexes in brackets.

use serde_json::{Map, Value};

use super::cursor::Cursor;
use super::{MAX_INDEX, MAX_NESTED_NAME_LEVEL, MAX_STEPS, Room, SetError};

/// Why an assignment comes back without having gone well.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    /// The expression ended. Whoever is told so keeps what was assigned so far.
    End,
    /// The expression is refused.
    Error(SetError),
}

impl From<SetError> for Stop {
    fn from(error: SetError) -> Self {
        Self::Error(error)
    }
}

/// Where in an expression an assignment is.
#[derive(Clone, Copy)]
pub(super) struct Level<'r> {
    /// Names behind dots.
    names: usize,
    /// Names and indexes.
    steps: usize,
    /// What lists may grow by.
    room: &'r Room,
}

impl<'r> Level<'r> {
    /// Where it begins.
    pub(super) fn first(room: &'r Room) -> Self {
        Self { names: 0, steps: 0, room }
    }

    /// One name further in.
    pub(super) fn name(mut self) -> Result<Self, SetError> {
        self.names += 1;
        if self.names > MAX_NESTED_NAME_LEVEL {
            return Err(SetError::TooDeep { limit: MAX_NESTED_NAME_LEVEL });
        }
        self.step()
    }

    /// One index further in.
    pub(super) fn step(mut self) -> Result<Self, SetError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(SetError::TooDeep { limit: MAX_STEPS });
        }
        Ok(self)
    }
}

/// Puts `value` under `key`; an empty key has no place.
pub(super) fn put(map: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

/// Assigns within the mapping under `key`, which is made where nothing stands there.
pub(super) fn within_map(
    map: &mut Map<String, Value>,
    key: String,
    assign: impl FnOnce(&mut Map<String, Value>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match map.get_mut(&key) {
        Some(Value::Object(inner)) => {
            let assigned = assign(inner);
            if assigned.is_ok() && inner.is_empty() {
                return Err(SetError::EmptyMap(key).into());
            }
            assigned
        }
        Some(other) => Err(conversion(other, "map[string]interface {}").into()),
        None => {
            let mut inner = Map::new();
            let assigned = assign(&mut inner);
            if assigned.is_ok() && inner.is_empty() {
                return Err(SetError::EmptyMap(key).into());
            }
            if !inner.is_empty() {
                put(map, key, Value::Object(inner));
            }
            assigned
        }
    }
}

/// Assigns within the list under `key`, which is made where nothing stands there.
pub(super) fn within_list(
    map: &mut Map<String, Value>,
    key: String,
    assign: impl FnOnce(&mut Vec<Value>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match map.get_mut(&key) {
        Some(Value::Array(list)) => assign(list),
        Some(other) => Err(conversion(other, "[]interface {}").into()),
        None => {
            let mut list = Vec::new();
            let assigned = assign(&mut list);
            put(map, key, Value::Array(list));
            assigned
        }
    }
}

/// Assigns within the list at `index` of `list`.
pub(super) fn within_item_list(
    list: &mut Vec<Value>,
    index: i64,
    level: Level<'_>,
    assign: impl FnOnce(&mut Vec<Value>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let existing = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
    match existing {
        Some(Value::Array(inner)) => assign(inner),
        Some(Value::Null) | None => {
            let mut inner = Vec::new();
            assign(&mut inner)?;
            put_at(list, index, Value::Array(inner), level)
        }
        Some(other) => Err(conversion(other, "[]interface {}").into()),
    }
}

/// Assigns within the mapping at `index` of `list`; what else stands there is replaced.
pub(super) fn within_item_map(
    list: &mut Vec<Value>,
    index: i64,
    level: Level<'_>,
    assign: impl FnOnce(&mut Map<String, Value>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let existing = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
    let Some(item) = existing else {
        let mut inner = Map::new();
        assign(&mut inner)?;
        return put_at(list, index, Value::Object(inner), level);
    };
    if !item.is_object() {
        *item = Value::Object(Map::new());
    }
    match item {
        Value::Object(inner) => assign(inner),
        _ => Ok(()),
    }
}

/// Puts `value` at `index`; what is missing before it becomes null.
pub(super) fn put_at(list: &mut Vec<Value>, index: i64, value: Value, level: Level<'_>) -> Result<(), Stop> {
    let place = checked(index)?;
    if place > MAX_INDEX {
        return Err(SetError::IndexTooLarge { index, limit: MAX_INDEX }.into());
    }
    if list.len() <= place {
        level.room.take(place + 1 - list.len())?;
        list.resize(place + 1, Value::Null);
    }
    if let Some(item) = list.get_mut(place) {
        *item = value;
    }
    Ok(())
}

/// `index` as a place in a list.
pub(super) fn checked(index: i64) -> Result<usize, SetError> {
    usize::try_from(index).map_err(|_| SetError::NegativeIndex(index))
}

/// The index that was read up to its closing bracket. Where that is missing, Helm takes it for the end.
pub(super) fn index(read: (String, Option<char>)) -> Result<i64, Stop> {
    match read {
        (_, None) => Err(Stop::End),
        (text, Some(_)) => text.parse().map_err(|_| SetError::Index(text).into()),
    }
}

/// What follows a closing bracket.
pub(super) fn after_index(read: (String, Option<char>)) -> Result<char, Stop> {
    match read {
        (text, _) if !text.is_empty() => Err(SetError::AfterIndex(text).into()),
        (_, None) => Err(Stop::End),
        (_, Some(c)) => Ok(c),
    }
}

/// Nothing is left of the expression.
pub(super) fn at_end(cursor: &Cursor<'_>) -> bool {
    cursor.rest().is_empty()
}

fn conversion(found: &Value, expected: &'static str) -> SetError {
    let found = match found {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    SetError::Conversion { found, expected }
}
