//! Values to types as Go's JSON does it: field names are told apart without regard to case, and null is what was not
//! given.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::error::Cause;

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A field that the type does not know is an error.
    Strict,
    /// So it is, but numbers and booleans are taken for texts where texts are wanted.
    StrictYaml,
    /// They are, and what the type does not know is skipped.
    Lenient,
}

/// Reads `value` as a kustomization; a field that the type does not know is an error.
pub(crate) fn strict<T: DeserializeOwned>(value: Value) -> Result<T, Cause> {
    read(value, Mode::Strict)
}

/// Reads `value` as a configuration; a field that the type does not know is an error, a number for a text is none.
pub(crate) fn strict_yaml<T: DeserializeOwned>(value: Value) -> Result<T, Cause> {
    read(value, Mode::StrictYaml)
}

/// Reads `value` as kustomize reads files that it takes less strictly: what the type does not know is skipped.
pub(crate) fn lenient<T: DeserializeOwned>(value: Value) -> Result<T, Cause> {
    read(value, Mode::Lenient)
}

fn read<T: DeserializeOwned>(value: Value, mode: Mode) -> Result<T, Cause> {
    T::deserialize(Go { value, mode }).map_err(|error| match error {
        Error::UnknownField(field) => Cause::UnknownField(field),
        Error::Other(message) => Cause::Invalid(message),
    })
}

/// A value that is read as Go reads it.
struct Go {
    value: Value,
    mode: Mode,
}

#[derive(Debug)]
enum Error {
    UnknownField(String),
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField(field) => write!(f, "unknown field {field:?}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl IntoDeserializer<'_, Error> for Go {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Go {
    fn map<'de, V: Visitor<'de>>(
        fields: impl Iterator<Item = (String, Value)>,
        mode: Mode,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let fields = fields.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, Self { value, mode }));
        visitor.visit_map(MapDeserializer::new(fields))
    }
}

impl<'de> Deserializer<'de> for Go {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mode = self.mode;
        match self.value {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(|value| Self { value, mode })))
            }
            Value::Object(map) => Self::map(map.into_iter(), mode, visitor),
            value => Ok(value.deserialize_any(visitor)?),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => Self::map(known_fields(map, known, self.mode)?.into_iter(), self.mode, visitor),
            value => Self { value, ..self }.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Bool(_) | Value::Number(_) if self.mode != Mode::Strict => {
                visitor.visit_string(self.value.to_string())
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        Ok(self.value.deserialize_enum(name, variants, visitor)?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The fields of `map` under the names that the type has for them. Of several spellings the last one counts.
fn known_fields(map: Map<String, Value>, known: &[&str], mode: Mode) -> Result<Map<String, Value>, Error> {
    let mut fields = Map::new();
    for (name, value) in map {
        let exact = known.iter().find(|known| **known == name);
        match exact.or_else(|| known.iter().find(|known| known.eq_ignore_ascii_case(&name))) {
            Some(known) => {
                fields.insert((*known).to_owned(), value);
            }
            None if mode != Mode::Lenient => return Err(Error::UnknownField(name)),
            None => {}
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Outer {
        field_path: String,
        inner: Option<Box<Outer>>,
        list: Vec<Outer>,
        count: i64,
    }

    #[test]
    fn names_are_told_apart_without_regard_to_case_and_nulls_are_nothing() {
        let value = json!({"FieldPath": "a", "inner": {"fieldpath": "b", "count": null}, "list": [{"COUNT": 1}, {}]});
        let read: Outer = strict(value).unwrap();
        assert_eq!((read.field_path.as_str(), read.list[0].count), ("a", 1));
        assert_eq!(read.inner.unwrap().field_path, "b");
    }

    #[test]
    fn an_unknown_field_is_an_error_or_skipped() {
        let value = json!({"list": [{"x": 1}]});
        assert!(matches!(strict::<Outer>(value.clone()), Err(Cause::UnknownField(field)) if field == "x"));
        assert_eq!(lenient::<Outer>(value).unwrap().list, [Outer::default()]);
        assert!(matches!(lenient::<Outer>(json!({"count": "1"})), Err(Cause::Invalid(_))));
    }

    #[test]
    fn only_a_kustomization_wants_its_texts_quoted() {
        let value = json!({"fieldPath": true});
        assert!(matches!(strict::<Outer>(value.clone()), Err(Cause::Invalid(_))));
        assert_eq!(strict_yaml::<Outer>(value.clone()).unwrap().field_path, "true");
        assert_eq!(lenient::<Outer>(value).unwrap().field_path, "true");
    }
}
