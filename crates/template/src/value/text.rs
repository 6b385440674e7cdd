//! Strings of Go: any bytes, mostly UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A string of Go. Most are UTF-8; what a template read from a binary file, or decoded, need not be.
#[derive(Clone)]
pub struct Text(Inner);

#[derive(Clone)]
enum Inner {
    Utf8(Arc<str>),
    /// Not UTF-8.
    Bytes(Arc<[u8]>),
}

impl Text {
    /// The text of these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self(Inner::Utf8(text.into())),
            Err(error) => Self(Inner::Bytes(error.into_bytes().into())),
        }
    }

    /// The bytes, as they are.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Inner::Utf8(text) => text.as_bytes(),
            Inner::Bytes(bytes) => bytes,
        }
    }

    /// The text; each byte that is not UTF-8 in it is replaced by `U+FFFD`.
    pub fn to_str(&self) -> Cow<'_, str> {
        match &self.0 {
            Inner::Utf8(text) => Cow::Borrowed(text),
            Inner::Bytes(bytes) => lossy(bytes),
        }
    }

    /// The text, if it is UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        match &self.0 {
            Inner::Utf8(text) => Some(text),
            Inner::Bytes(_) => None,
        }
    }

    /// The text, shared where it is UTF-8.
    pub fn to_shared(&self) -> Arc<str> {
        match &self.0 {
            Inner::Utf8(text) => text.clone(),
            Inner::Bytes(bytes) => lossy(bytes).into(),
        }
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether somebody else has the text, too.
    pub(crate) fn is_shared(&self) -> bool {
        match &self.0 {
            Inner::Utf8(text) => Arc::strong_count(text) > 1,
            Inner::Bytes(bytes) => Arc::strong_count(bytes) > 1,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// The text of these bytes with `U+FFFD` for each one that is not UTF-8, as Go has it. Nearly all are, and that is known
/// sooner than what is wrong with the rest.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into()
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_str())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Inner::Utf8(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Inner::Utf8(text.into()))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Inner::Utf8(text))
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        Self(Inner::Utf8(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_that_is_no_utf_8_is_replaced() {
        assert_eq!(
            lossy(b"a\xe2\x82\xffb\xf0\x9f\x98 c\xc3\xa9"),
            "a\u{fffd}\u{fffd}\u{fffd}b\u{fffd}\u{fffd}\u{fffd} cé"
        );
        let cut = Text::from_bytes(b"Gr\xc3".to_vec());
        assert_eq!((cut.to_str().as_ref(), cut.as_utf8()), ("Gr\u{fffd}", None));
        assert_eq!(Text::from("é").as_utf8(), Some("é"));
    }
}
