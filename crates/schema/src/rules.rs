//! What a value must satisfy besides its type.

use serde_json::{Map, Value};

use crate::model::{Schema, SchemaError};
use crate::pattern::Pattern;

/// The keywords of a schema that restrict a value without giving it structure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The schema names no type: it restricts values of a type given elsewhere.
    pub untyped: bool,
    pub values: Vec<Value>,
    pub pattern: Option<Pattern>,
    pub minimum: Option<f64>,
    pub exclusive_minimum: bool,
    pub maximum: Option<f64>,
    pub exclusive_maximum: bool,
    pub multiple_of: Option<f64>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub unique_items: bool,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,
    pub all_of: Vec<Schema>,
    pub any_of: Vec<Schema>,
    pub one_of: Vec<Schema>,
    pub not: Option<Schema>,
}

impl Rules {
    /// The rules among the keywords of `map`; `None` where there are none. `nested` reads the schema of a
    /// logical junctor.
    pub fn read(
        map: &Map<String, Value>,
        mut nested: impl FnMut(&Value, &str) -> Result<Schema, SchemaError>,
    ) -> Result<Option<Box<Self>>, SchemaError> {
        let number = |name: &str| map.get(name).and_then(Value::as_f64);
        let count = |name: &str| map.get(name).and_then(Value::as_u64);
        let flag = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or(false);
        let list = |name: &str| map.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut all = |name: &str| -> Result<Vec<Schema>, SchemaError> {
            list(name).iter().map(|schema| nested(schema, name)).collect()
        };
        let (all_of, any_of, one_of) = (all("allOf")?, all("anyOf")?, all("oneOf")?);
        let rules = Self {
            untyped: !map.contains_key("type") && !flag("x-kubernetes-int-or-string"),
            values: list("enum").to_vec(),
            pattern: map.get("pattern").and_then(Value::as_str).filter(|text| !text.is_empty()).map(Pattern::new),
            minimum: number("minimum"),
            exclusive_minimum: flag("exclusiveMinimum"),
            maximum: number("maximum"),
            exclusive_maximum: flag("exclusiveMaximum"),
            multiple_of: number("multipleOf"),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            unique_items: flag("uniqueItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            all_of,
            any_of,
            one_of,
            not: map.get("not").map(|schema| nested(schema, "not")).transpose()?,
        };
        Ok(if rules.is_empty() { None } else { Some(Box::new(rules)) })
    }

    fn is_empty(&self) -> bool {
        !self.untyped
            && self.values.is_empty()
            && self.pattern.is_none()
            && self.minimum.is_none()
            && self.maximum.is_none()
            && self.multiple_of.is_none()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.min_items.is_none()
            && self.max_items.is_none()
            && !self.unique_items
            && self.min_properties.is_none()
            && self.max_properties.is_none()
            && self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_none()
    }
}
