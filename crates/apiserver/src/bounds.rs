//! How large a document may become that is read: a few bytes of text can stand for many times as many of memory.

use serde_json::Value;

use crate::status::ApiError;

/// How many bytes of memory a document may take, roughly. Objects that people write take five times their text, and
/// texts have three megabytes at most.
const WEIGHT: usize = 64 * 1024 * 1024;
/// How many lists and maps may stand inside each other. What is stored with its owners must be read again, by clients too.
pub(crate) const DEPTH: usize = 100;

/// What a map takes whose first entries share a node, and what it takes for each of the others.
const NODE: usize = 640;
const ENTRIES_OF_NODE: usize = 6;
const ENTRY: usize = NODE / ENTRIES_OF_NODE;
/// What an item of a list takes.
const ITEM: usize = size_of::<Value>();

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// It would take too much memory.
    #[error("Request entity too large: what it holds would take more than {} MiB of memory", WEIGHT / 1024 / 1024)]
    Weight,
    /// Its lists and maps stand too deep inside each other.
    #[error("the document is nested more than {DEPTH} levels deep")]
    Depth,
}

/// What a document that is being read may take yet.
#[derive(Debug)]
pub struct Weight {
    left: usize,
}

impl Weight {
    /// All that a document may take.
    pub fn new() -> Self {
        Self { left: WEIGHT }
    }

    /// Counts one more entry of a map that has so many.
    pub fn entry(&mut self, before: usize) -> Result<(), Exceeded> {
        match before {
            0 => self.take(NODE),
            1..ENTRIES_OF_NODE => Ok(()),
            _ => self.take(ENTRY),
        }
    }

    /// Counts one more item of a list.
    pub fn item(&mut self) -> Result<(), Exceeded> {
        self.take(ITEM)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.left = self.left.checked_sub(bytes).ok_or(Exceeded::Weight)?;
        Ok(())
    }

    /// Counts all of a value that was read already, and may have so many levels.
    pub fn whole(&mut self, value: &Value, levels: usize) -> Result<(), Exceeded> {
        let below = || levels.checked_sub(1).ok_or(Exceeded::Depth);
        match value {
            Value::Object(map) => {
                let levels = below()?;
                map.values().enumerate().try_for_each(|(before, value)| {
                    self.entry(before)?;
                    self.whole(value, levels)
                })
            }
            Value::Array(items) => {
                let levels = below()?;
                items.iter().try_for_each(|item| {
                    self.item()?;
                    self.whole(item, levels)
                })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses an object that would take too much whenever it is read again. It has `size` bytes as a text.
pub(crate) fn check_stored(object: &Value, size: usize) -> Result<(), Exceeded> {
    // So small a text stands for no more, however dense it is.
    const HARMLESS: usize = 256 * 1024;
    if size < HARMLESS { Ok(()) } else { Weight::new().whole(object, usize::MAX) }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Weight => {
                Self::new(http::StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", exceeded.to_string())
            }
            Exceeded::Depth => Self::bad_request(exceeded.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value) -> Result<(), Exceeded> {
        Weight::new().whole(value, DEPTH)
    }

    #[test]
    fn what_a_text_can_stand_for_has_a_limit() {
        assert_eq!(check(&json!({"data": {"text": "x".repeat(3_000_000)}})), Ok(()));
        assert_eq!(check(&Value::from(vec![json!({"containerPort": 1}); 60_000])), Ok(()));
        assert_eq!(check(&Value::from(vec![json!({"a": 1}); 400_000])), Err(Exceeded::Weight));
        assert_eq!(check(&Value::from(vec![json!(0); 1_500_000])), Ok(()));
    }

    #[test]
    fn lists_and_maps_stand_inside_each_other_to_a_limit() {
        let nested = |levels| {
            (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
        };
        assert_eq!(check(&nested(DEPTH)), Ok(()));
        assert_eq!(check(&nested(DEPTH + 1)), Err(Exceeded::Depth));
    }
}
