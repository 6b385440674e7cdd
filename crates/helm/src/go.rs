//! How Go's decoder fills structures from YAML: names of any case, numbers as texts, and its errors.

use std::collections::BTreeMap;

use cowherd_yaml::{Dialect, Limits, YamlError};
use serde_json::{Map, Number, Value};

/// Why a text could not be read into a structure, said as sigs.k8s.io/yaml says it. Shows no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is no YAML, or holds what JSON cannot say.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(#[from] YamlError),
    /// A field has a value of another type.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go struct field \
         {structure}.{field} of type {expected}"
    )]
    Field {
        /// What stands there.
        found: &'static str,
        /// The structure that the field is in.
        structure: &'static str,
        /// The path of the field.
        field: String,
        /// The type that belongs there, as Go calls it.
        expected: &'static str,
    },
    /// The whole text is of another type.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {expected}"
    )]
    Root {
        /// What the text is.
        found: &'static str,
        /// What it should be, as Go calls it.
        expected: &'static str,
    },
}

/// The first document of `text`; null where there is none.
pub(crate) fn first_document(text: &[u8], limits: &Limits) -> Result<Value, YamlError> {
    first_document_as(text, Dialect::Kubernetes, limits)
}

/// The first document of `text`, to be read into fields with [`Place`]; null where there is none.
pub(crate) fn first_typed_document(text: &[u8], limits: &Limits) -> Result<Value, YamlError> {
    first_document_as(text, Dialect::Typed, limits)
}

fn first_document_as(text: &[u8], dialect: Dialect, limits: &Limits) -> Result<Value, YamlError> {
    let document = cowherd_yaml::parse_first_document(text, dialect, limits)?;
    Ok(document.map_or(Value::Null, |document| document.value))
}

/// What Go calls the type of `value` in its errors.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Where a value is decoded into.
#[derive(Clone)]
pub(crate) struct Place {
    structure: &'static str,
    field: String,
}

impl Place {
    pub(crate) fn new(structure: &'static str, field: impl Into<String>) -> Self {
        Self { structure, field: field.into() }
    }

    fn misfit(&self, value: &Value, expected: &'static str) -> DecodeError {
        let field = self.field.clone();
        DecodeError::Field { found: kind(value), structure: self.structure, field, expected }
    }

    /// A text; numbers and booleans are taken as texts, null leaves what was there.
    pub(crate) fn text(&self, value: &Value, into: &mut String) -> Result<(), DecodeError> {
        match value {
            Value::Null => {}
            Value::String(text) => into.clone_from(text),
            Value::Bool(value) => *into = value.to_string(),
            Value::Number(number) => *into = number_text(number),
            _ => return Err(self.misfit(value, "string")),
        }
        Ok(())
    }

    /// A boolean.
    pub(crate) fn flag(&self, value: &Value, into: &mut bool) -> Result<(), DecodeError> {
        match value {
            Value::Null => {}
            Value::Bool(value) => *into = *value,
            _ => return Err(self.misfit(value, "bool")),
        }
        Ok(())
    }

    /// A list of anything; null is no list. `expected` is what Go calls the type.
    pub(crate) fn list<'a>(
        &self,
        value: &'a Value,
        expected: &'static str,
    ) -> Result<Option<&'a Vec<Value>>, DecodeError> {
        match value {
            Value::Null => Ok(None),
            Value::Array(items) => Ok(Some(items)),
            _ => Err(self.misfit(value, expected)),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, value: &Value, into: &mut Vec<String>) -> Result<(), DecodeError> {
        let items = self.list(value, "[]string")?.map(Vec::as_slice).unwrap_or_default();
        into.clear();
        for item in items {
            let mut text = String::new();
            self.text(item, &mut text)?;
            into.push(text);
        }
        Ok(())
    }

    /// A mapping of anything; null is no mapping.
    pub(crate) fn map<'a>(
        &self,
        value: &'a Value,
        expected: &'static str,
    ) -> Result<Option<&'a Map<String, Value>>, DecodeError> {
        match value {
            Value::Null => Ok(None),
            Value::Object(map) => Ok(Some(map)),
            _ => Err(self.misfit(value, expected)),
        }
    }

    /// A mapping of texts.
    pub(crate) fn text_map(&self, value: &Value) -> Result<Option<BTreeMap<String, String>>, DecodeError> {
        let Some(map) = self.map(value, "map[string]string")? else { return Ok(None) };
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            let mut text = String::new();
            self.text(value, &mut text)?;
            texts.insert(key.clone(), text);
        }
        Ok(Some(texts))
    }
}

/// The one of `fields` that the key `key` fills: by name, or by name in another case.
pub(crate) fn field_of<'a>(key: &str, fields: &[&'a str]) -> Option<&'a str> {
    let exact = fields.iter().find(|field| **field == key);
    exact.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(key))).copied()
}

/// A number as a text: integers in full, floats with the precision of 32 bits as C's `%g` has the shortest digits.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => float_text(value as f32),
        _ => number.to_string(),
    }
}

fn float_text(value: f32) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..6 => format!("{value}"),
        exponent => format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_become_the_texts_that_go_prints() {
        let text = |value: Value| {
            let mut text = String::new();
            Place::new("Metadata", "version").text(&value, &mut text).unwrap();
            text
        };
        assert_eq!(text(json!(1)), "1");
        assert_eq!(text(json!(1.1)), "1.1");
        assert_eq!(text(json!(123456.5)), "123456.5");
        assert_eq!(text(json!(0.00001)), "1e-05");
        assert_eq!(text(json!(1_000_000)), "1000000");
        assert_eq!(text(json!(1e6)), "1e+06");
        assert_eq!(text(json!(123_456_789.0)), "1.2345679e+08");
        assert_eq!(text(json!(-1e300)), "-Inf");
        assert_eq!(text(json!(true)), "true");
    }

    #[test]
    fn a_misfit_is_said_as_go_says_it() {
        let error = Place::new("Metadata", "name").text(&json!([1]), &mut String::new()).unwrap_err();
        assert!(
            error.to_string().ends_with("cannot unmarshal array into Go struct field Metadata.name of type string")
        );
        assert_eq!(field_of("APIVERSION", &["name", "apiVersion"]), Some("apiVersion"));
    }
}
