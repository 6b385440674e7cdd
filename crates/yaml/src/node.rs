//! What can be written as YAML.

use serde_json::{Number, Value};

/// A value that can be written. Implemented for references to [`Value`]; whoever has values of another kind implements
/// it for them, and saves copying them first.
pub trait Node: Sized {
    /// A text, or a key of a mapping.
    type Text: AsRef<str>;
    /// The items of a list.
    type Items: ExactSizeIterator<Item = Self>;

    /// What the value is.
    fn shape(self) -> Shape<Self>;
}

/// What a value is.
pub enum Shape<N: Node> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A scalar that is written as it stands here.
    Plain(String),
    /// A text, quoted where it has to be.
    Text(N::Text),
    /// A list.
    List(N::Items),
    /// A mapping; the order of its entries does not count.
    Map(Vec<(N::Text, N)>),
}

impl<'v> Node for &'v Value {
    type Text = &'v str;
    type Items = std::slice::Iter<'v, Value>;

    fn shape(self) -> Shape<Self> {
        match self {
            Value::Null => Shape::Null,
            Value::Bool(value) => Shape::Bool(*value),
            Value::Number(number) => Shape::Number(number.clone()),
            Value::String(text) => Shape::Text(text.as_str()),
            Value::Array(items) => Shape::List(items.iter()),
            Value::Object(entries) => Shape::Map(entries.iter().map(|(key, value)| (key.as_str(), value)).collect()),
        }
    }
}
