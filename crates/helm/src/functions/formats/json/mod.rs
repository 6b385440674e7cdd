//! Functions that write and read JSON.

mod parser;
pub(in crate::functions) mod writer;

use cowherd_template::{Fault, Function, Map, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Outcome, any, bytes};
use parser::ParseError;
use writer::{EncodeError, Style, encode};

const ONE: &[Type] = &[Type::Any];
const TEXT: &[Type] = &[Type::String];

const PLAIN: Style = Style { escapes_html: true, is_pretty: false };
const PRETTY: Style = Style { escapes_html: true, is_pretty: true };
const RAW: Style = Style { escapes_html: false, is_pretty: false };

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("toJson", ONE, |_, given| or_nothing(encode(any(given, 0), PLAIN))),
        Function::new("mustToJson", ONE, |_, given| written(encode(any(given, 0), PLAIN))),
        Function::new("toPrettyJson", ONE, |_, given| or_nothing(encode(any(given, 0), PRETTY))),
        Function::new("mustToPrettyJson", ONE, |_, given| written(encode(any(given, 0), PRETTY))),
        Function::new("toRawJson", ONE, |_, given| written(encode(any(given, 0), RAW))),
        Function::new("mustToRawJson", ONE, |_, given| written(encode(any(given, 0), RAW))),
        Function::new("fromJson", TEXT, |_, given| Ok(Value::Map(map(parser::parse(bytes(given, 0)))))),
        Function::new("fromJsonArray", TEXT, |_, given| Ok(array(parser::parse(bytes(given, 0))))),
        Function::new("mustFromJson", TEXT, |_, given| parser::parse(bytes(given, 0)).map_err(say)),
    ]
    .into_iter()
}

fn say(error: impl std::fmt::Display) -> Fault {
    Fault::Message(error.to_string())
}

fn written(result: Result<String, EncodeError>) -> Outcome {
    result.map(Value::from).map_err(say)
}

/// Helm swallows that a value cannot be written. What is too much is an error all the same.
pub(in crate::functions) fn or_nothing(result: Result<String, EncodeError>) -> Outcome {
    match result {
        Err(EncodeError::Number(_) | EncodeError::Type(_)) => Ok(Value::from("")),
        result => written(result),
    }
}

/// The map that was read; an error stands in it.
fn map(parsed: Result<Value, ParseError>) -> Map {
    let message = match parsed {
        Ok(Value::Map(map)) => return map,
        Ok(Value::Nil) => return Map::nil(),
        Ok(other) => misfit(&other, "map[string]interface {}"),
        Err(error) => error.to_string(),
    };
    [("Error".into(), Value::from(message))].into_iter().collect()
}

fn array(parsed: Result<Value, ParseError>) -> Value {
    match parsed {
        Ok(list @ Value::List(_)) => list,
        Ok(Value::Nil) => crate::functions::lists::slices::nil("interface {}"),
        Ok(other) => Value::list([Value::from(misfit(&other, "[]interface {}"))]),
        Err(error) => Value::list([Value::from(error.to_string())]),
    }
}

/// What Go says of a value of another type than the one that is wanted.
pub(in crate::functions) fn misfit(found: &Value, wanted: &str) -> String {
    let found = match found {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        _ => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}
