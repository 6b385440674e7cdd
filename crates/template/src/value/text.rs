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

    /// The text; what is not UTF-8 in it is replaced by `U+FFFD`.
    pub fn to_str(&self) -> Cow<'_, str> {
        match &self.0 {
            Inner::Utf8(text) => Cow::Borrowed(text),
            Inner::Bytes(bytes) => String::from_utf8_lossy(bytes),
        }
    }

    /// The text, shared where it is UTF-8.
    pub fn to_shared(&self) -> Arc<str> {
        match &self.0 {
            Inner::Utf8(text) => text.clone(),
            Inner::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
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
