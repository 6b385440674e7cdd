//! What templates work on: Go's values, as far as templates can tell them apart.

mod list;
mod map;
mod nested;
mod object;
mod text;

use std::fmt;
use std::rc::Rc;

pub use list::List;
pub use map::{Map, Methods};
pub use object::Object;
pub use text::{Text, lossy};

/// How deep values may hold each other before whoever walks them gives up. Maps can be made to hold themselves.
pub const MAX_DEPTH: usize = 1000;

/// A value. Clones are cheap and share: a map that is changed through one of them is changed for all.
///
/// Numbers keep the type that Go would give them, since functions and comparisons tell them apart.
#[derive(Clone, Default)]
pub enum Value {
    /// No value: an untyped nil, or what was not found.
    #[default]
    Nil,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// An `int64`.
    Int64(i64),
    /// A `uint8`: what indexing a string gives.
    Byte(u8),
    /// A `uint64`.
    Uint64(u64),
    /// A `float64`.
    Float(f64),
    /// A `string`: bytes that are mostly, but need not be, UTF-8.
    String(Text),
    /// A `[]byte`.
    Bytes(Rc<[u8]>),
    /// A slice.
    List(List),
    /// A map with strings as keys.
    Map(Map),
    /// A struct, or whatever else has methods.
    Object(Rc<dyn Object>),
}

/// The kinds of `reflect.Kind` that values have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Invalid,
    /// A truth value.
    Bool,
    /// An `int`.
    Int,
    /// An `int64`.
    Int64,
    /// A `uint8`.
    Uint8,
    /// A `uint64`.
    Uint64,
    /// A `float64`.
    Float64,
    /// A string.
    String,
    /// A slice.
    Slice,
    /// A map.
    Map,
    /// A pointer.
    Ptr,
    /// A struct.
    Struct,
}

impl Kind {
    /// The name that Go gives the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Ptr => "ptr",
            Self::Struct => "struct",
        }
    }
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<Text>) -> Self {
        Self::String(text.into())
    }

    /// A `[]interface {}` of the given items.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(List::new(items))
    }

    /// The kind, as `reflect` has it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int64(_) => Kind::Int64,
            Self::Byte(_) => Kind::Uint8,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float(_) => Kind::Float64,
            Self::String(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// The name of the type, as `%T` prints it.
    pub fn type_name(&self) -> String {
        match self {
            Self::Nil => "<nil>".into(),
            Self::Bytes(_) => "[]uint8".into(),
            Self::List(list) => format!("[]{}", list.element_type()),
            Self::Map(map) => map.type_name().into(),
            Self::Object(object) => object.type_name().into(),
            other => other.kind().name().into(),
        }
    }

    /// Whether `if` takes the value for true: it is not the zero of its type.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Byte(number) => *number != 0,
            Self::Uint64(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::String(text) => !text.as_bytes().is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
        }
    }

    /// Whether there is no value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The text of a string; `None` for everything else.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of any of the integer types that fits; `None` for everything else.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Int64(number) => Some(*number),
            Self::Byte(number) => Some(i64::from(*number)),
            Self::Uint64(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The items of a slice of any type; `None` for everything else.
    pub fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list.to_vec()),
            Self::Bytes(bytes) => Some(bytes.iter().map(|byte| Self::Byte(*byte)).collect()),
            Self::Object(object) => object.items(),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::format::print(self))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::string(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::string(value)
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::String(value)
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}
