//! Types, as far as they are known before there are values.

use std::fmt;
use std::sync::Arc;

use crate::value::deeper;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any, which only a value tells.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    List(Arc<Type>),
    Map(Arc<(Type, Type)>),
    Optional(Arc<Type>),
    /// The type of values that are types, here of one.
    Kind(Arc<Type>),
    /// One that is not known yet.
    Unknown(usize),
}

impl Type {
    pub fn list(of: Self) -> Self {
        Self::List(Arc::new(of))
    }

    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// Whether two types are the same, where one that is not known is any.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn | Self::Unknown(_), Self::Dyn | Self::Unknown(_)) => true,
            (Self::List(one), Self::List(other))
            | (Self::Optional(one), Self::Optional(other))
            | (Self::Kind(one), Self::Kind(other)) => deeper(|| one.is_same(other)),
            (Self::Map(one), Self::Map(other)) => deeper(|| one.0.is_same(&other.0) && one.1.is_same(&other.1)),
            (one, other) => one == other,
        }
    }

    pub fn optional(of: Self) -> Self {
        Self::Optional(Arc::new(of))
    }

    /// An object of Kubernetes: fields whose types nobody knows.
    pub fn object() -> Self {
        Self::map(Self::Text, Self::Dyn)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn | Self::Unknown(_) => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Map(of) => write!(f, "map({}, {})", of.0, of.1),
            Self::Optional(of) => write!(f, "optional_type({of})"),
            Self::Kind(of) => write!(f, "type({of})"),
        }
    }
}

/// The types that have a name, which is a value of an expression.
pub(crate) fn named(name: &str) -> Option<(&'static str, Type)> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let (name, of) = match name {
        "bool" => ("bool", Type::Bool),
        "bytes" => ("bytes", Type::Bytes),
        "double" => ("double", Type::Double),
        "google.protobuf.Duration" => ("google.protobuf.Duration", Type::Duration),
        "google.protobuf.Timestamp" => ("google.protobuf.Timestamp", Type::Timestamp),
        "int" => ("int", Type::Int),
        "list" => ("list", Type::list(Type::Dyn)),
        "map" => ("map", Type::map(Type::Dyn, Type::Dyn)),
        "null_type" => ("null_type", Type::Null),
        "optional_type" => ("optional_type", Type::optional(Type::Dyn)),
        "string" => ("string", Type::Text),
        "type" => ("type", Type::Kind(Arc::new(Type::Dyn))),
        "uint" => ("uint", Type::Uint),
        _ => return None,
    };
    Some((name, Type::Kind(Arc::new(of))))
}
