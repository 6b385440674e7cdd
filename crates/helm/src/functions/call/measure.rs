//! Counts what a value holds before it is written, as maps and lists that are shared can make it huge.

use cowherd_template::Value;

use crate::functions::call::limits::{MAX_ITEMS, MAX_TEXT, deeper};
use crate::functions::formats::json::writer::{EncodeError, check_number};

/// What was counted so far.
pub(in crate::functions) struct Measure {
    values: usize,
    size: usize,
    deepest: usize,
    takes_all_numbers: bool,
}

impl Measure {
    /// How deep a value goes; an error where it cannot be written. Infinite numbers can be where `takes_all_numbers`.
    pub(in crate::functions) fn of(value: &Value, takes_all_numbers: bool) -> Result<usize, EncodeError> {
        let mut measure = Self { values: 0, size: 0, deepest: 0, takes_all_numbers };
        measure.add(value, 0)?;
        Ok(measure.deepest)
    }

    fn add(&mut self, value: &Value, depth: usize) -> Result<(), EncodeError> {
        self.values += 1;
        self.deepest = self.deepest.max(depth);
        // What a value takes besides itself: its indentation.
        self.size += depth * 2;
        match value {
            Value::Float(number) if !self.takes_all_numbers => check_number(*number)?,
            Value::String(text) => self.size += text.len(),
            Value::Bytes(bytes) => self.size += bytes.len() * 2,
            Value::List(list) => deeper(depth, |depth| list.iter().try_for_each(|item| self.add(item, depth)))?,
            Value::Map(map) => deeper(depth, |depth| {
                map.entries().iter().try_for_each(|(key, value)| {
                    self.size += key.len();
                    self.add(value, depth)
                })
            })?,
            Value::Object(object) => match object.plain() {
                Some(plain) => deeper(depth, |depth| self.add(&plain, depth))?,
                None => return Err(EncodeError::Type(object.type_name().to_owned())),
            },
            _ => {}
        }
        let is_too_large = self.size > MAX_TEXT || self.values > MAX_ITEMS;
        if is_too_large { Err(EncodeError::TooLarge) } else { Ok(()) }
    }
}
