//! Sets of fields as `managedFields` writes them: FieldsV1.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::element::PathElement;
use super::set::FieldSet;
use crate::MAX_DEPTH;

/// A `fieldsV1` that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A level is not an object.
    #[error("fields below {0:?} must be an object")]
    NotAnObject(String),
    /// A key has no known form.
    #[error("parsing key as path element: {key:?}: {detail}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The levels go deeper than any object's.
    #[error("fields nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl FieldSet {
    /// Reads a `fieldsV1`.
    pub fn from_fields_v1(fields: &Value) -> Result<Self, FieldsError> {
        let map = fields.as_object().ok_or_else(|| FieldsError::NotAnObject(".".to_owned()))?;
        read(map, 0)
    }

    /// Writes a `fieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        let mut fields = Map::new();
        for node in self.nodes() {
            let mut below = node.below.to_fields_v1();
            if let (true, false, Value::Object(below)) = (node.member, node.below.is_empty(), &mut below) {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(key_of(&node.element), below);
        }
        Value::Object(fields)
    }
}

/// The text form of `fieldsV1`, with the elements in their own order: 80 before 443.
impl Serialize for FieldSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Level { set: self, own: false }.serialize(serializer)
    }
}

/// One level of a set, and whether what it lies below is itself a member.
struct Level<'a> {
    set: &'a FieldSet,
    own: bool,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.own && !self.set.is_empty() {
            map.serialize_entry(".", &Map::new())?;
        }
        for node in self.set.nodes() {
            map.serialize_entry(&key_of(&node.element), &Level { set: &node.below, own: node.member })?;
        }
        map.end()
    }
}

fn key_of(element: &PathElement) -> String {
    match element {
        PathElement::Field(name) => format!("f:{name}"),
        PathElement::Value(value) => format!("v:{value}"),
        PathElement::Index(index) => format!("i:{index}"),
        PathElement::Key(keys) => {
            let pairs: Vec<String> =
                keys.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name))).collect();
            format!("k:{{{}}}", pairs.join(","))
        }
    }
}

fn read(map: &Map<String, Value>, depth: usize) -> Result<FieldSet, FieldsError> {
    if depth > MAX_DEPTH {
        return Err(FieldsError::TooDeep);
    }
    let mut set = FieldSet::new();
    for (key, below) in map {
        if key == "." {
            continue;
        }
        let below = below.as_object().ok_or_else(|| FieldsError::NotAnObject(key.clone()))?;
        // Elements of a kind that a later version may bring are left out.
        if let Some(element) = element_of(key)? {
            let member = below.is_empty() || below.contains_key(".");
            set.add(element, member, read(below, depth + 1)?);
        }
    }
    Ok(set)
}

fn element_of(key: &str) -> Result<Option<PathElement>, FieldsError> {
    let fail = |detail: &str| FieldsError::Key { key: key.to_owned(), detail: detail.to_owned() };
    let (kind, content) = key.split_once(':').ok_or_else(|| fail("missing colon"))?;
    let json = || serde_json::from_str::<Value>(content).map_err(|error| fail(&error.to_string()));
    Ok(Some(match kind {
        "f" => PathElement::field(content),
        "v" => PathElement::Value(json()?),
        "i" => PathElement::Index(content.parse().map_err(|_| fail("not a number"))?),
        "k" => match json()? {
            Value::Object(keys) => {
                PathElement::Key(keys.into_iter().map(|(name, value)| (name.into(), value)).collect())
            }
            _ => return Err(fail("not an object")),
        },
        _ if kind.len() == 1 => return Ok(None),
        _ => return Err(fail("missing colon")),
    }))
}
