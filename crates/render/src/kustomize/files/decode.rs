//! Values to types as Go's JSON does it: field names are told apart without regard to case, and null is what was not
//! given.

use std::fmt;

use cowherd_yaml::Step;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
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

/// What is wrong with a value, and where in it.
#[derive(Debug)]
pub(crate) struct Misread {
    /// The way to what is wrong, from the value on; empty where it is the value itself.
    pub(crate) at: Vec<Step>,
    pub(crate) cause: Cause,
}

impl Misread {
    /// The place in a field, as people write it: `patches[2].target`.
    pub(crate) fn place(&self, field: &str) -> String {
        self.at.iter().fold(field.to_owned(), |place, step| place + &written(step))
    }

    /// It is the value itself.
    pub(crate) fn whole(cause: Cause) -> Self {
        Self { at: Vec::new(), cause }
    }
}

/// A step as it is written behind another one.
fn written(step: &Step) -> String {
    match step {
        Step::Item(index) => format!("[{index}]"),
        Step::Key(name) if name.contains(['.', '[', ']']) => format!("[{name}]"),
        Step::Key(name) => format!(".{name}"),
    }
}

/// Reads `value` as a kustomization; a field that the type does not know is an error.
pub(crate) fn strict<T: DeserializeOwned>(value: Value) -> Result<T, Misread> {
    T::deserialize(Go { value, mode: Mode::Strict }).map_err(|error| match error {
        Error::UnknownField(field) => Misread::whole(Cause::UnknownField(field)),
        Error::Other { at, message } => Misread { at, cause: Cause::Invalid(message) },
    })
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
        error => Cause::Invalid(error.to_string()),
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
    Other { at: Vec<Step>, message: String },
}

impl Error {
    /// The same of what stands at `step` of something.
    fn within(mut self, step: Step) -> Self {
        if let Self::Other { at, .. } = &mut self {
            at.insert(0, step);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField(field) => write!(f, "unknown field {field:?}"),
            Self::Other { at, message } if at.is_empty() => f.write_str(message),
            Self::Other { at, message } => {
                let place: String = at.iter().map(written).collect();
                write!(f, "{}: {message}", place.trim_start_matches('.'))
            }
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other { at: Vec::new(), message: message.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(format!("must be {}, and is {}", wanted_words(&wanted.to_string()), found_words(&found)))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        serde::de::Error::custom(error)
    }
}

/// What is wanted, as people call it who write YAML.
fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "i64" | "u64" | "i32" | "u32" => "a number",
        "a boolean" => "true or false",
        "struct Patch" => "a mapping with path or patch",
        wanted if wanted.starts_with("struct ") => "a mapping",
        wanted => wanted,
    }
}

/// What is there, as people call it who write YAML.
fn found_words(found: &Unexpected<'_>) -> String {
    /// How much of a text is shown, in characters.
    const SHOWN: usize = 60;
    match found {
        Unexpected::Str(text) => format!("the text {:?}", text.chars().take(SHOWN).collect::<String>()),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Unit => "null".to_owned(),
        other => other.to_string(),
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
        let fields = fields.filter(|(_, value)| !value.is_null());
        visitor.visit_map(Fields { fields, mode, value: None })
    }
}

/// The items of a list; what is wrong with one says which.
struct Items {
    items: std::iter::Enumerate<std::vec::IntoIter<Value>>,
    mode: Mode,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let read = seed.deserialize(Go { value, mode: self.mode });
        read.map(Some).map_err(|error| error.within(Step::Item(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The fields of a mapping; what is wrong with one says which.
struct Fields<I> {
    fields: I,
    mode: Mode,
    /// The name and the value of the field whose name was asked for.
    value: Option<(String, Value)>,
}

impl<'de, I: Iterator<Item = (String, Value)>> MapAccess<'de> for Fields<I> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.fields.next();
        let Some((name, _)) = &self.value else { return Ok(None) };
        seed.deserialize(name.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Go { value, mode: self.mode }).map_err(|error| error.within(Step::Key(name)))
    }
}

impl<'de> Deserializer<'de> for Go {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mode = self.mode;
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter().enumerate(), mode }),
            Value::Object(map) => Self::map(map.into_iter(), mode, visitor),
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(text) => visitor.visit_string(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
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
        let unknown = strict::<Outer>(value.clone()).unwrap_err().cause;
        assert!(matches!(unknown, Cause::UnknownField(field) if field == "x"));
        assert_eq!(lenient::<Outer>(value).unwrap().list, [Outer::default()]);
        assert!(matches!(lenient::<Outer>(json!({"count": "1"})), Err(Cause::Invalid(_))));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_in_words_of_yaml() {
        for (value, at, words) in [
            (json!({"list": [{}, "x"]}), ".list[1]", "must be a mapping, and is the text \"x\""),
            (
                json!({"list": [{"inner": {"count": "7"}}]}),
                ".list[0].inner.count",
                "must be a number, and is the text \"7\"",
            ),
            (json!({"fieldPath": 1}), ".fieldPath", "must be a text, and is the number 1"),
            (json!({"list": {}}), ".list", "must be a list, and is a mapping"),
            (json!("x"), "", "must be a mapping, and is the text \"x\""),
        ] {
            let misread = strict::<Outer>(value).unwrap_err();
            assert_eq!((misread.place("").as_str(), misread.cause.to_string().as_str()), (at, words));
        }
    }

    #[test]
    fn only_a_kustomization_wants_its_texts_quoted() {
        let value = json!({"fieldPath": true});
        assert!(matches!(strict::<Outer>(value.clone()).unwrap_err().cause, Cause::Invalid(_)));
        assert_eq!(strict_yaml::<Outer>(value.clone()).unwrap().field_path, "true");
        assert_eq!(lenient::<Outer>(value).unwrap().field_path, "true");
    }
}
