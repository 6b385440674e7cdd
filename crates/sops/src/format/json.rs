//! JSON, in its order.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::MAX_DEPTH;
use crate::number;
use crate::tree::{Entry, Item, Map, Value};

/// The document at the beginning of `data`.
pub(super) fn read(data: &[u8]) -> Result<Vec<Map>, String> {
    // The words of the parser may quote what it met.
    let told = |error: serde_json::Error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Eof => format!("it ends early, in {place}"),
            _ => format!("it is wrong in {place}"),
        }
    };
    let mut reader = serde_json::Deserializer::from_slice(data);
    match Seed(0).deserialize(&mut reader).map_err(told)? {
        Value::Map(map) => Ok(vec![map]),
        other => Err(format!("it is {}, and has to be an object", other.kind())),
    }
}

/// Reads a value so deep inside others.
struct Seed(usize);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        if self.0 >= MAX_DEPTH { Err(E::custom("too deep")) } else { Ok(Self(self.0 + 1)) }
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            list.push(Item::Value(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(Key(key)) = entries.next_key()? {
            map.push(Entry::Pair(key, entries.next_value_seed(self.inner()?)?));
        }
        Ok(Value::Map(map))
    }
}

#[derive(serde::Deserialize)]
struct Key(String);

pub(super) fn write(documents: &[Map]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    match documents.first() {
        Some(document) => write_map(document, 0, &mut out),
        None => out.push_str("{}"),
    }
    out.push('\n');
    Ok(out.into_bytes())
}

fn write_map(map: &Map, depth: usize, out: &mut String) {
    let pairs = map.iter().filter_map(|entry| match entry {
        Entry::Pair(key, value) => Some((key, value)),
        Entry::Comment(_) => None,
    });
    write_all(('{', '}'), depth, out, pairs, |(key, value), out| {
        write_text(key, out);
        out.push_str(": ");
        write_value(value, depth + 1, out);
    });
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&number::json(*value)),
        Value::Text(text) | Value::Time(text) => write_text(text, out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::Map(map) => write_map(map, depth, out),
        Value::List(items) => {
            let values = items.iter().filter_map(|item| match item {
                Item::Value(value) => Some(value),
                Item::Comment(_) => None,
            });
            write_all(('[', ']'), depth, out, values, |value, out| write_value(value, depth + 1, out));
        }
    }
}

fn write_all<T>(
    (open, close): (char, char),
    depth: usize,
    out: &mut String,
    items: impl Iterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    let indent = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n('\t', depth));
    };
    out.push(open);
    let mut is_empty = true;
    for item in items {
        if !std::mem::replace(&mut is_empty, false) {
            out.push(',');
        }
        indent(depth + 1, out);
        write(item, out);
    }
    if !is_empty {
        indent(depth, out);
    }
    out.push(close);
}

/// What is no UTF-8: each byte of that as the character for what cannot be read, spelled out.
fn write_bytes(bytes: &[u8], out: &mut String) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| write_char(c, out));
        out.extend(chunk.invalid().iter().map(|_| "\\ufffd"));
    }
    out.push('"');
}

/// A text as Go writes it, which escapes what HTML would take for its own.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    text.chars().for_each(|c| write_char(c, out));
    out.push('"');
}

fn write_char(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        _ => out.push(c),
    }
}
