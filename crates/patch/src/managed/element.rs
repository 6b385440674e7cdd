//! One step of a path: into a field, or to an item of a list.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::scalar;

/// One step of a path from a value into it.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of a map (`f:`).
    Field(Box<str>),
    /// The item of an associative list with these keys, sorted by name (`k:`).
    Key(Vec<(Box<str>, Value)>),
    /// The item of a set with this value (`v:`).
    Value(Value),
    /// The item at this place of a list (`i:`).
    Index(i64),
}

impl PathElement {
    /// The step into the field `name`.
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }
}

/// Fields come before keys, keys before values, values before places.
impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(left), Self::Field(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => {
                let pairs = left.iter().zip(right);
                let mut orders =
                    pairs.map(|(left, right)| left.0.cmp(&right.0).then_with(|| scalar::compare(&left.1, &right.1)));
                orders.find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
            }
            (Self::Value(left), Self::Value(right)) => scalar::compare(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PathElement {
    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// As Kubernetes prints it: `.name`, `[name="nginx"]`, `[="a"]`, `[3]`.
impl fmt::Display for PathElement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(out, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(out, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(out, "[={value}]"),
            Self::Index(index) => write!(out, "[{index}]"),
        }
    }
}

/// A path from an object to a field in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldsPath(pub Vec<PathElement>);

/// As Kubernetes prints it: `.spec.template.spec.containers[name="nginx"].image`.
impl fmt::Display for FieldsPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(out))
    }
}
