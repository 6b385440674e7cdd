//! The language of `--set` and its relatives: `image.tag=v1,ports[0]=80,names={a,b}`.

mod cursor;
mod error;
mod keys;
mod literal;
mod typed;

use std::cell::Cell;

use serde_json::{Map, Value};

use cursor::Cursor;
pub use error::SetError;
use keys::Stop;
use typed::{Assignments, Kind};

/// The largest index of a list, as Helm has it.
pub const MAX_INDEX: usize = 65_536;
/// How many names may stand behind dots, as Helm has it.
pub const MAX_NESTED_NAME_LEVEL: usize = 30;
/// How many names and indexes together may stand behind each other, which Helm does not limit.
const MAX_STEPS: usize = 200;

/// By how many items all lists may grow, however few letters that takes: of an index that is named all before it are made.
const MAX_ITEMS: usize = 1_000_000;

/// By how many items the lists of some values may still grow, whatever is assigned in them.
#[derive(Debug)]
pub struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(MAX_ITEMS))
    }
}

impl Room {
    /// Takes room for so many items.
    fn take(&self, items: usize) -> Result<(), SetError> {
        let left = self.0.get().checked_sub(items).ok_or(SetError::TooMany { limit: MAX_ITEMS })?;
        self.0.set(left);
        Ok(())
    }
}

/// [`set`], where several such assign to the same values.
pub fn set_within(expression: &str, values: &mut Map<String, Value>, room: &Room) -> Result<(), SetError> {
    assign(expression, values, Kind::Typed, room)
}

/// [`set_string`], where several such assign to the same values.
pub fn set_string_within(expression: &str, values: &mut Map<String, Value>, room: &Room) -> Result<(), SetError> {
    assign(expression, values, Kind::Text, room)
}

/// `--set`: booleans, null and whole numbers are taken as such, everything else as texts.
pub fn set(expression: &str, values: &mut Map<String, Value>) -> Result<(), SetError> {
    assign(expression, values, Kind::Typed, &Room::default())
}

/// `--set-string`: all values are texts.
pub fn set_string(expression: &str, values: &mut Map<String, Value>) -> Result<(), SetError> {
    assign(expression, values, Kind::Text, &Room::default())
}

/// `--set-json` with keys: values are JSON, numbers are floats.
pub fn set_json(expression: &str, values: &mut Map<String, Value>) -> Result<(), SetError> {
    assign(expression, values, Kind::Json, &Room::default())
}

/// `--set-file`: values are names of files, whose contents `read` gives, or what is wrong with them.
pub fn set_file(
    expression: &str,
    values: &mut Map<String, Value>,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(), SetError> {
    assign(expression, values, Kind::File(read), &Room::default())
}

/// `--set-literal`: everything behind the first `=` is one text.
pub fn set_literal(expression: &str, values: &mut Map<String, Value>) -> Result<(), SetError> {
    let (mut cursor, room) = (Cursor::new(expression), Room::default());
    finish(|| literal::assign(&mut cursor, values, &room))
}

fn assign(expression: &str, values: &mut Map<String, Value>, kind: Kind<'_>, room: &Room) -> Result<(), SetError> {
    let mut assignments = Assignments { cursor: Cursor::new(expression), kind, room };
    finish(|| assignments.next(values))
}

/// Makes one assignment after the other until the expression ends.
fn finish(mut next: impl FnMut() -> Result<(), Stop>) -> Result<(), SetError> {
    loop {
        match next() {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
