//! Values: what JSON holds is looked at where it lies, what an expression makes is shared.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::time::{Duration, Timestamp};

/// A value of an expression over data that lives for `'a`.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Arc<[u8]>),
    List(List<'a>),
    Map(Map<'a>),
    Timestamp(Timestamp),
    Duration(Duration),
    Type(TypeName),
    Optional(Option<Arc<Value<'a>>>),
}

/// A text, of the data or made.
#[derive(Clone)]
pub(crate) enum Text<'a> {
    Of(&'a str),
    Made(Arc<str>),
}

/// A list, of the data or made.
#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    Of(&'a [Json], Numbers),
    Made(Arc<Vec<Value<'a>>>),
}

/// A map, of the data or made.
#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    Of(&'a serde_json::Map<String, Json>, Numbers),
    Made(Arc<BTreeMap<Key<'a>, Value<'a>>>),
}

/// How whole numbers of JSON are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers are `int`, as Kubernetes' objects have them.
    #[default]
    Whole,
    /// All numbers are `double`, as of a document that is read without knowing its types.
    Double,
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) enum Key<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Text<'a>),
}

/// The name of a type as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeName(pub &'static str);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Of(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<'a> List<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Of(items, _) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub fn get(&self, at: usize) -> Option<Value<'a>> {
        match self {
            Self::Of(items, numbers) => items.get(at).map(|json| Value::of(json, *numbers)),
            Self::Made(items) => items.get(at).cloned(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl<'a> Map<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Of(entries, _) => entries.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    /// The value of a key that is a text.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Of(entries, numbers) => entries.get(name).map(|json| Value::of(json, *numbers)),
            Self::Made(entries) => entries.get(&Key::Text(Text::Of(name))).cloned(),
        }
    }

    /// The value of a key; whole numbers are the same whatever their types.
    pub fn get(&self, key: &Value<'a>) -> Option<Value<'a>> {
        if let Value::Text(name) = key {
            return self.field(name);
        }
        let Self::Made(entries) = self else { return None };
        entries.get(&Key::of(key)?).cloned()
    }

    pub fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Self::Of(entries, _) => entries.keys().map(|key| Value::Text(Text::Of(key))).collect(),
            Self::Made(entries) => entries.keys().map(Key::value).collect(),
        }
    }

    pub fn entries(&self) -> Vec<(Value<'a>, Value<'a>)> {
        match self {
            Self::Of(entries, numbers) => {
                entries.iter().map(|(key, json)| (Value::Text(Text::Of(key)), Value::of(json, *numbers))).collect()
            }
            Self::Made(entries) => entries.iter().map(|(key, value)| (key.value(), value.clone())).collect(),
        }
    }
}

impl<'a> Key<'a> {
    /// The key that a value makes, if it may be one; a `double` that is whole finds what it equals.
    pub fn of(value: &Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Bool(it) => Self::Bool(*it),
            Value::Int(it) => Self::Int(*it),
            Value::Uint(it) => Self::Uint(*it),
            Value::Text(it) => Self::Text(it.clone()),
            Value::Double(it) => Self::Int(whole(*it)?),
            _ => return None,
        })
    }

    pub fn value(&self) -> Value<'a> {
        match self {
            Self::Bool(it) => Value::Bool(*it),
            Self::Int(it) => Value::Int(*it),
            Self::Uint(it) => Value::Uint(*it),
            Self::Text(it) => Value::Text(it.clone()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Uint(_) => 1,
            Self::Text(_) => 2,
        }
    }

    fn number(&self) -> i128 {
        match self {
            Self::Int(it) => i128::from(*it),
            Self::Uint(it) => i128::from(*it),
            Self::Bool(it) => i128::from(*it),
            Self::Text(_) => 0,
        }
    }
}

/// The whole number that a `double` is.
pub(crate) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && (-9.2e18..=9.2e18).contains(&number)).then_some(number as i64)
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.as_str().cmp(other),
            _ => self.rank().cmp(&other.rank()).then_with(|| self.number().cmp(&other.number())),
        }
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key<'_> {}

impl<'a> Value<'a> {
    /// The value that JSON is.
    pub fn of(json: &'a Json, numbers: Numbers) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(it) => Self::Bool(*it),
            Json::Number(it) => match (numbers, it.as_i64()) {
                (Numbers::Whole, Some(it)) => Self::Int(it),
                _ => Self::Double(it.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(it) => Self::Text(Text::Of(it)),
            Json::Array(items) => Self::List(List::Of(items, numbers)),
            Json::Object(entries) => Self::Map(Map::Of(entries, numbers)),
        }
    }

    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    pub fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::Made(Arc::new(items)))
    }

    pub fn some(value: Value<'a>) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
        }
    }

    /// Whether it is what a variable of its type holds that nobody set.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(it) => !it,
            Self::Int(it) => *it == 0,
            Self::Uint(it) => *it == 0,
            Self::Double(it) => *it == 0.0,
            Self::Text(it) => it.is_empty(),
            Self::Bytes(it) => it.is_empty(),
            Self::List(it) => it.len() == 0,
            Self::Map(it) => it.len() == 0,
            Self::Timestamp(it) => it.is_zero(),
            Self::Duration(it) => it.0 == 0,
            Self::Type(_) => false,
            Self::Optional(it) => it.is_none(),
        }
    }
}

/// Whether two values are equal; values of types that have nothing in common are not.
pub(crate) fn equal(one: &Value<'_>, other: &Value<'_>, meter: &mut Meter) -> Outcome<bool> {
    meter.spend(1)?;
    Ok(match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => {
            meter.spend_bytes(one.len().min(other.len()))?;
            one == other
        }
        (Value::Bytes(one), Value::Bytes(other)) => {
            meter.spend_bytes(one.len().min(other.len()))?;
            one == other
        }
        (Value::Timestamp(one), Value::Timestamp(other)) => one == other,
        (Value::Duration(one), Value::Duration(other)) => one == other,
        (Value::Type(one), Value::Type(other)) => one == other,
        (Value::Optional(one), Value::Optional(other)) => match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => deeper(|| equal(one, other, meter))?,
            _ => false,
        },
        (Value::List(one), Value::List(other)) => one.len() == other.len() && all_equal(one, other, meter)?,
        (Value::Map(one), Value::Map(other)) => one.len() == other.len() && same_entries(one, other, meter)?,
        (one, other) => numbers(one, other).is_some_and(|order| order == Some(Ordering::Equal)),
    })
}

fn all_equal(one: &List<'_>, other: &List<'_>, meter: &mut Meter) -> Outcome<bool> {
    for (one, other) in one.iter().zip(other.iter()) {
        if !deeper(|| equal(&one, &other, meter))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_entries<'a>(one: &Map<'a>, other: &Map<'a>, meter: &mut Meter) -> Outcome<bool> {
    meter.spend(one.len())?;
    for (key, value) in one.entries() {
        let Some(counterpart) = other.get(&key) else { return Ok(false) };
        if !deeper(|| equal(&value, &counterpart, meter))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Calls what may call itself, with as much stack as it takes.
pub(crate) fn deeper<T>(call: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 << 10, 1 << 20, call)
}

/// How two numbers are ordered, whatever their types; `None` where one is none, `Some(None)` where one is not a number.
fn numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Option<Ordering>> {
    Some(match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Uint(one), Value::Uint(other)) => Some(one.cmp(other)),
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Int(one), Value::Uint(other)) => Some(i128::from(*one).cmp(&i128::from(*other))),
        (Value::Uint(one), Value::Int(other)) => Some(i128::from(*one).cmp(&i128::from(*other))),
        // As in Go, what a `double` cannot tell apart is the same beside one.
        (Value::Int(one), Value::Double(other)) => (*one as f64).partial_cmp(other),
        (Value::Uint(one), Value::Double(other)) => (*one as f64).partial_cmp(other),
        (Value::Double(one), Value::Int(other)) => one.partial_cmp(&(*other as f64)),
        (Value::Double(one), Value::Uint(other)) => one.partial_cmp(&(*other as f64)),
        _ => return None,
    })
}

/// How two values are ordered.
pub(crate) fn compare(one: &Value<'_>, other: &Value<'_>, meter: &mut Meter) -> Outcome<Ordering> {
    Ok(match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Text(one), Value::Text(other)) => {
            meter.spend_bytes(one.len().min(other.len()))?;
            one.as_str().cmp(other)
        }
        (Value::Bytes(one), Value::Bytes(other)) => {
            meter.spend_bytes(one.len().min(other.len()))?;
            one.cmp(other)
        }
        (Value::Timestamp(one), Value::Timestamp(other)) => one.cmp(other),
        (Value::Duration(one), Value::Duration(other)) => one.cmp(other),
        (one, other) => match numbers(one, other) {
            Some(Some(order)) => order,
            Some(None) => return Err(Fault::error("NaN values cannot be ordered")),
            None => return Err(Fault::no_overload()),
        },
    })
}
