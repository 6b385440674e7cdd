//! `--set`, `--set-string`, `--set-json` and `--set-file`.

use serde_json::error::Category;
use serde_json::{Deserializer, Map, Value};

use super::cursor::Cursor;
use super::keys::{self, Level, Stop, after_index, at_end, checked, index, put, put_at};
use super::{Room, SetError};
use crate::values::document::with_floats;

/// What the values of an expression are.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// Booleans, null, whole numbers, or else texts.
    Typed,
    /// Texts.
    Text,
    /// JSON.
    Json,
    /// Names of files.
    File(&'a dyn Fn(&str) -> Result<String, String>),
}

/// The assignments of an expression.
pub(super) struct Assignments<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) kind: Kind<'a>,
    pub(super) room: &'a Room,
}

impl Assignments<'_> {
    /// Makes the next assignment.
    pub(super) fn next(&mut self, values: &mut Map<String, Value>) -> Result<(), Stop> {
        self.key(values, Level::first(self.room))
    }

    fn key(&mut self, map: &mut Map<String, Value>, level: Level<'_>) -> Result<(), Stop> {
        let (key, stop) = self.cursor.until(&['=', '[', ',', '.']);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(SetError::NoValue { key, before_comma: false }.into()),
            Some('[') => {
                let index = index(self.cursor.until(&[']']))?;
                let level = level.step()?;
                keys::within_list(map, key, |list| self.item(list, index, level))
            }
            Some('=') => {
                let (value, end) = self.value(&key)?;
                put(map, key, value);
                end
            }
            Some(',') => Err(SetError::NoValue { key, before_comma: true }.into()),
            Some(_) => {
                let level = level.name()?;
                keys::within_map(map, key, |inner| self.key(inner, level))
            }
        }
    }

    fn item(&mut self, list: &mut Vec<Value>, at: i64, level: Level<'_>) -> Result<(), Stop> {
        checked(at)?;
        let level = level.step()?;
        match after_index(self.cursor.until(&['[', '.', '=']))? {
            '=' => {
                // Here the end of the expression says no more than that the value is empty.
                let (value, _) = self.value(&format!("[{at}]"))?;
                put_at(list, at, value, level)
            }
            '[' => {
                let next = index(self.cursor.until(&[']']))?;
                keys::within_item_list(list, at, level, |inner| self.item(inner, next, level))
            }
            _ => keys::within_item_map(list, at, level, |inner| self.key(inner, level)),
        }
    }

    /// The value behind `=`, and whether the expression ended before it.
    fn value(&mut self, key: &str) -> Result<(Value, Result<(), Stop>), Stop> {
        if matches!(self.kind, Kind::Json) {
            return Ok((self.json(key)?, Ok(())));
        }
        if at_end(&self.cursor) {
            return Ok((Value::from(""), Err(Stop::End)));
        }
        if self.cursor.peek() == Some('{') {
            self.cursor.skip(1);
            return Ok((self.list()?, Ok(())));
        }
        let (text, _) = self.cursor.until(&[',']);
        Ok((self.scalar(text)?, Ok(())))
    }

    fn json(&mut self, key: &str) -> Result<Value, SetError> {
        if self.cursor.skip_empty_value() {
            return Ok(Value::Null);
        }
        let mut values = Deserializer::from_str(self.cursor.rest()).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(json_error(key, &error)),
            None => Value::Null,
        };
        let read = values.byte_offset();
        self.cursor.skip(read);
        self.cursor.skip_empty_value();
        Ok(with_floats(value))
    }

    /// The values up to a closing brace, and a comma behind it.
    fn list(&mut self) -> Result<Value, SetError> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.cursor.until(&[',', '}']);
            let stop = stop.ok_or(SetError::OpenList)?;
            items.push(self.scalar(text)?);
            if stop == '}' {
                if self.cursor.peek() == Some(',') {
                    self.cursor.skip(1);
                }
                return Ok(Value::Array(items));
            }
        }
    }

    fn scalar(&self, text: String) -> Result<Value, SetError> {
        match self.kind {
            Kind::Typed => Ok(typed(text)),
            Kind::File(read) => match read(&text) {
                Ok(content) => Ok(Value::String(content)),
                Err(cause) => Err(SetError::File { path: text, cause }),
            },
            Kind::Text | Kind::Json => Ok(Value::String(text)),
        }
    }
}

/// The boolean, null or whole number that `text` is, or else the text.
fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    // A number with a leading zero is more likely part of a name.
    let is_number = text == "0" || !text.starts_with('0');
    match text.parse::<i64>() {
        Ok(number) if is_number => Value::from(number),
        _ => Value::String(text),
    }
}

/// The error without what it quotes of the value.
fn json_error(key: &str, error: &serde_json::Error) -> SetError {
    let problem = match error.classify() {
        Category::Eof => "it ends too early",
        _ => "it has a mistake",
    };
    SetError::Json { key: key.to_owned(), problem, line: error.line(), column: error.column() }
}
