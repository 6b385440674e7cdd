//! What a document says, in its order and with its comments: both count for SOPS.

/// A mapping.
pub(crate) type Map = Vec<Entry>;

/// What stands in a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// A comment.
    Comment(Comment),
    /// A key with its value.
    Pair(String, Value),
}

/// What stands in a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A comment.
    Comment(Comment),
    /// A value.
    Value(Value),
}

/// A line of comment, without the sign that begins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) text: String,
    /// Whether it stands behind a value, on its line.
    pub(crate) is_inline: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A text that is no UTF-8.
    Bytes(Vec<u8>),
    /// A time, as RFC 3339 has it.
    Time(String),
    List(Vec<Item>),
    Map(Map),
}

impl Value {
    /// A text, or what is none in UTF-8.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }

    /// What kind of value it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) | Self::Bytes(_) => "a text",
            Self::Time(_) => "a time",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// The value of `key` in a mapping.
pub(crate) fn get<'m>(map: &'m Map, key: &str) -> Option<&'m Value> {
    map.iter().find_map(|entry| match entry {
        Entry::Pair(name, value) if name == key => Some(value),
        _ => None,
    })
}
