//! How much is added to objects that were rendered.
//!
//! A short text that is put into each of many objects, or often into one, is a lot: values of variables, common labels and annotations,
//! and what others hold.

use serde_json::Value;

/// How many bytes may be added to all objects of an owner together.
const MOST: usize = 64 << 20;

/// As how many bytes a value counts besides its text.
const VALUE: usize = 16;

/// More is added than is borne.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} would be more than {} MiB in all objects together; split it, or put less into it", MOST >> 20)]
pub(crate) struct TooMuch {
    what: &'static str,
}

/// What may still be added.
#[derive(Debug)]
pub(crate) struct Growth {
    left: usize,
}

impl Default for Growth {
    fn default() -> Self {
        Self { left: MOST }
    }
}

impl Growth {
    /// So many bytes are added.
    pub(crate) fn add(&mut self, what: &'static str, bytes: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(bytes).ok_or(TooMuch { what })?;
        Ok(())
    }
}

/// How many bytes a value takes, about.
pub(crate) fn weight(value: &Value) -> usize {
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// How many bytes pairs of texts have.
pub(crate) fn weight_of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> usize {
    pairs.into_iter().map(|(key, value)| key.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_added_is_bounded_in_all_objects_together() {
        let mut growth = Growth::default();
        let object = json!({ "data": { "a": "x".repeat(1 << 20) } });
        let added = (0..1_000).take_while(|_| growth.add("what variables stand for", weight(&object)).is_ok()).count();
        assert_eq!(added, 63, "each weighs a little more than its text");
        let said = growth.add("what variables stand for", MOST).unwrap_err().to_string();
        assert!(said.starts_with("what variables stand for would be more than 64 MiB in all objects"), "{said}");
        assert_eq!(Growth::default().add("x", usize::MAX), Err(TooMuch { what: "x" }));
        assert_eq!(weight_of_pairs([(&"ab".to_owned(), &"c".to_owned())]), 3);
    }
}
