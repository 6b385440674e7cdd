//! What a value takes in memory: a few bytes of text can stand for a hundred times as many.

use serde_json::Value;

/// What a map takes whose first entries share a node, and what it takes for each of the others, in bytes.
const NODE: usize = 640;
const ENTRIES_OF_NODE: usize = 6;
const ENTRY: usize = NODE / ENTRIES_OF_NODE;
/// What an item of a list takes, and for how many of them a list makes room at first. When that is full, it makes as much again.
const ITEM: usize = size_of::<Value>();
const FIRST_ITEMS: usize = 4;

/// What a value that is being read may take yet, in bytes. Names and texts do not count: they are as long as what is read.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    left: usize,
}

/// A value would take more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooHeavy {
    /// Its maps and lists take too many bytes.
    #[error("what it holds would take too much memory")]
    Weight,
    /// They stand too deep inside each other.
    #[error("its lists and maps stand too deep inside each other")]
    Depth,
}

impl Weight {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(self) -> usize {
        self.left
    }

    /// Counts one more entry of a map that has so many.
    ///
    /// # Errors
    /// When it would take too much.
    pub fn entry(&mut self, before: usize) -> Result<(), TooHeavy> {
        match before {
            0 => self.take(NODE),
            1..ENTRIES_OF_NODE => Ok(()),
            _ => self.take(ENTRY),
        }
    }

    /// Counts one more item of a list that has so many.
    ///
    /// # Errors
    /// When it would take too much.
    pub fn item(&mut self, before: usize) -> Result<(), TooHeavy> {
        match before {
            0 => self.take(FIRST_ITEMS * ITEM),
            1..FIRST_ITEMS => Ok(()),
            _ => self.take(ITEM),
        }
    }

    /// Counts all of a value that may have so many levels.
    ///
    /// # Errors
    /// When it would take too much, or has more levels.
    pub fn whole(&mut self, value: &Value, levels: usize) -> Result<(), TooHeavy> {
        let below = || levels.checked_sub(1).ok_or(TooHeavy::Depth);
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
                items.iter().enumerate().try_for_each(|(before, item)| {
                    self.item(before)?;
                    self.whole(item, levels)
                })
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), TooHeavy> {
        self.left = self.left.checked_sub(bytes).ok_or(TooHeavy::Weight)?;
        Ok(())
    }
}

/// How many bytes the value takes at most that a text stands for, as a guess from its signs alone: of JSON, of YAML, and of
/// what is both. Much too many where texts in it hold such signs.
#[must_use]
pub fn guess(text: &[u8]) -> usize {
    // What begins a map or a list, what parts their entries, and what stands before a value in blocks of YAML.
    let (mut maps, mut lists, mut entries) = (0_usize, 0_usize, 0_usize);
    let mut before = b'\n';
    for &byte in text {
        match byte {
            b'{' => maps += 1,
            b'[' => lists += 1,
            b',' => entries += 1,
            // An item of a list may begin a list or a map; an entry that ends with the line does.
            b' ' if before == b'-' => maps += 1,
            b'\n' if before == b':' => maps += 1,
            b'\n' => entries += 1,
            _ => {}
        }
        before = byte;
    }
    maps * (NODE + ITEM) + lists * FIRST_ITEMS * ITEM + entries * ENTRY
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a value takes.
    fn taken(value: &Value) -> usize {
        let mut weight = Weight::new(usize::MAX);
        weight.whole(value, usize::MAX).unwrap();
        usize::MAX - weight.left()
    }

    #[test]
    fn what_a_text_stands_for_is_not_more_than_is_guessed_of_it() {
        let entries = |count: usize| (0..count).map(|n| (n.to_string(), json!(n))).collect::<Value>();
        for value in [
            json!([]),
            json!({}),
            json!(vec![json!({"a": 1}); 1_000]),
            json!(vec![json!([1]); 1_000]),
            json!(vec![json!(1); 1_000]),
            json!({"a": {"b": [{"c": {"d": 1}, "e": "f"}]}, "g": entries(1_000)}),
            json!(vec![entries(3); 100]),
            json!(vec![json!([{"a": []}]); 100]),
        ] {
            for text in [value.to_string(), crate::to_string(&value)] {
                assert!(taken(&value) <= guess(text.as_bytes()) + NODE, "{text:.200}");
            }
        }
    }

    #[test]
    fn long_texts_are_light() {
        assert_eq!(guess(json!({"data": {"text": "x".repeat(1_000_000)}}).to_string().as_bytes()), 2 * (NODE + ITEM));
    }
}
