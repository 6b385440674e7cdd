//! `--set-literal`.

use serde_json::{Map, Value};

use super::cursor::Cursor;
use super::keys::{self, Level, Stop, after_index, checked, index, put, put_at};
use super::{Room, SetError};

/// Makes the assignment.
pub(super) fn assign(cursor: &mut Cursor<'_>, values: &mut Map<String, Value>, room: &Room) -> Result<(), Stop> {
    key(cursor, values, Level::first(room))
}

fn key(cursor: &mut Cursor<'_>, map: &mut Map<String, Value>, level: Level<'_>) -> Result<(), Stop> {
    let (name, stop) = cursor.until_literal(&['=', '[', '.']);
    match stop {
        None if name.is_empty() => Err(Stop::End),
        None => Err(SetError::NoValue { key: name, before_comma: false }.into()),
        Some('=') => {
            put(map, name, rest(cursor));
            Ok(())
        }
        Some('[') => {
            let index = index(cursor.until_literal(&[']']))?;
            let level = level.step()?;
            keys::within_list(map, name, |list| item(cursor, list, index, level))
        }
        Some(_) => {
            let level = level.name()?;
            keys::within_map(map, name, |inner| key(cursor, inner, level))
        }
    }
}

fn item(cursor: &mut Cursor<'_>, list: &mut Vec<Value>, at: i64, level: Level<'_>) -> Result<(), Stop> {
    checked(at)?;
    let level = level.step()?;
    match after_index(cursor.until_literal(&['[', '.', '=']))? {
        '=' => put_at(list, at, rest(cursor), level),
        '[' => {
            let next = index(cursor.until_literal(&[']']))?;
            keys::within_item_list(list, at, level, |inner| item(cursor, inner, next, level))
        }
        _ => keys::within_item_map(list, at, level, |inner| key(cursor, inner, level)),
    }
}

fn rest(cursor: &mut Cursor<'_>) -> Value {
    let rest = cursor.rest();
    cursor.skip(rest.len());
    Value::from(rest)
}
