//! Functions that write and read YAML.

use std::sync::Arc;

use cowherd_template::{Fault, Function, List, Map, Type, Value};
use cowherd_yaml::{Limits, Node, Shape};
use serde_json::Number;

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, bytes};
use crate::functions::call::measure::Measure;
use crate::functions::formats::json::misfit;
use crate::functions::formats::json::writer::EncodeError;
use crate::go;

const ONE: &[Type] = &[Type::Any];
const TEXT: &[Type] = &[Type::String];

/// How much stack the writer has for values that go deep.
const DEEP_STACK: usize = 16 << 20;

/// The depth up to which the writer needs no stack of its own.
const SHALLOW: usize = 50;

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("toYaml", ONE, |_, given| crate::functions::formats::json::or_nothing(encode(any(given, 0)))),
        Function::new("mustToYaml", ONE, |_, given| encode(any(given, 0)).map(Value::from).map_err(say)),
        Function::new("toYamlPretty", ONE, to_yaml_pretty),
        Function::new("fromYaml", TEXT, |_, given| Ok(Value::Map(map(parse(bytes(given, 0)))))),
        Function::new("fromYamlArray", TEXT, |_, given| Ok(array(parse(bytes(given, 0))))),
    ]
    .into_iter()
}

fn say(error: EncodeError) -> Fault {
    Fault::Message(error.to_string())
}

/// The value as YAML, as `toYaml` gives it.
///
/// # Errors
/// When it holds itself, or goes too deep.
pub fn to_yaml(value: &Value) -> Result<String, String> {
    encode(value).map_err(|error| error.to_string())
}

fn encode(value: &Value) -> Result<String, EncodeError> {
    let depth = Measure::of(value, false)?;
    let write = || cowherd_yaml::to_string(Yaml(value.clone()));
    let mut text = if depth > SHALLOW { stacker::grow(DEEP_STACK, write) } else { write() };
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn to_yaml_pretty(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let value = any(arguments, 0);
    let depth = Measure::of(value, true).map_err(say)?;
    let write = || cowherd_yaml::to_pretty_string(Pretty(value.clone()));
    let text = if depth > SHALLOW { stacker::grow(DEEP_STACK, write) } else { write() };
    Ok(Value::from(text.strip_suffix('\n').unwrap_or(&text)))
}

/// A value as it is in YAML once it went through JSON.
struct Yaml(Value);

impl Node for Yaml {
    type Text = Arc<str>;
    type Items = Items<Self>;

    fn shape(self) -> Shape<Self> {
        match self.0 {
            Value::Nil => Shape::Null,
            Value::Bool(value) => Shape::Bool(value),
            Value::Int(number) | Value::Int64(number) => Shape::Number(number.into()),
            Value::Byte(number) => Shape::Number(number.into()),
            Value::Uint64(number) => Shape::Number(number.into()),
            Value::Float(number) => Number::from_f64(number).map_or(Shape::Null, Shape::Number),
            Value::String(text) => Shape::Text(text.to_shared()),
            Value::Bytes(bytes) => Shape::Text(base64(&bytes).into()),
            Value::List(list) => Shape::List(Items::new(list, Self)),
            Value::Map(map) if map.is_nil() => Shape::Null,
            Value::Map(map) => Shape::Map(map.entries().into_iter().map(|(key, value)| (key, Self(value))).collect()),
            Value::Object(object) => object.plain().map_or(Shape::Null, |plain| Self(plain).shape()),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A value as it is in YAML without a detour.
struct Pretty(Value);

impl Node for Pretty {
    type Text = Arc<str>;
    type Items = Items<Self>;

    fn shape(self) -> Shape<Self> {
        match self.0 {
            Value::Float(number) => Shape::Plain(match number {
                number if number.is_nan() => ".nan".into(),
                f64::INFINITY => ".inf".into(),
                f64::NEG_INFINITY => "-.inf".into(),
                number => cowherd_template::format::float(number, b'g', None),
            }),
            Value::String(text) if std::str::from_utf8(text.as_bytes()).is_err() => {
                Shape::Plain(format!("!!binary {}", base64(text.as_bytes())))
            }
            Value::List(list) => Shape::List(Items::new(list, Self)),
            Value::Map(map) => Shape::Map(map.entries().into_iter().map(|(key, value)| (key, Self(value))).collect()),
            Value::Bytes(bytes) => {
                let items = bytes.iter().map(|byte| Value::Byte(*byte));
                Shape::List(Items::new(List::of("uint8", items), Self))
            }
            other => match Yaml(other).shape() {
                Shape::Null => Shape::Null,
                Shape::Bool(value) => Shape::Bool(value),
                Shape::Number(number) => Shape::Number(number),
                Shape::Plain(text) => Shape::Plain(text),
                Shape::Text(text) => Shape::Text(text),
                Shape::List(items) => Shape::List(Items::new(items.list, Self)),
                Shape::Map(entries) => {
                    Shape::Map(entries.into_iter().map(|(key, value)| (key, Self(value.0))).collect())
                }
            },
        }
    }
}

/// The items of a list, one after the other.
struct Items<N> {
    list: List,
    at: usize,
    node: fn(Value) -> N,
}

impl<N> Items<N> {
    fn new(list: List, node: fn(Value) -> N) -> Self {
        Self { list, at: 0, node }
    }
}

impl<N> Iterator for Items<N> {
    type Item = N;

    fn next(&mut self) -> Option<N> {
        let item = self.list.get(self.at)?.clone();
        self.at += 1;
        Some((self.node)(item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.len() - self.at;
        (left, Some(left))
    }
}

impl<N> ExactSizeIterator for Items<N> {}

/// The value that the first document of a text says. Numbers are floats.
fn parse(text: &[u8]) -> Result<Value, String> {
    let json = go::first_document(text, &Limits::default());
    json.map(|json| value(&json)).map_err(|error| go::DecodeError::from(error).to_string())
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(value)),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.as_str().into(), value(item))).collect())
        }
    }
}

fn decoding(found: &Value, wanted: &str) -> String {
    format!("error unmarshaling JSON: while decoding JSON: {}", misfit(found, wanted))
}

/// The map that was read; an error stands in it.
fn map(parsed: Result<Value, String>) -> Map {
    let message = match parsed {
        Ok(Value::Map(map)) => return map,
        Ok(Value::Nil) => return Map::new(),
        Ok(other) => decoding(&other, "map[string]interface {}"),
        Err(message) => message,
    };
    [("Error".into(), Value::from(message))].into_iter().collect()
}

fn array(parsed: Result<Value, String>) -> Value {
    match parsed {
        Ok(list @ Value::List(_)) => list,
        Ok(Value::Nil) => Value::list([]),
        Ok(other) => Value::list([Value::from(decoding(&other, "[]interface {}"))]),
        Err(message) => Value::list([Value::from(message)]),
    }
}
