//! The functions that Go brings to every template.

use super::{compare, escape, index};
use crate::format;
use crate::value::{Text, Value};

/// A function that Go brings.
#[derive(Clone, Copy)]
pub(super) struct Builtin {
    /// How many arguments there have to be.
    pub(super) fixed: usize,
    /// Whether there may be more.
    pub(super) is_variadic: bool,
    /// Of `and` and `or`: the truth that decides.
    pub(super) stops_at: Option<bool>,
    /// Whether the first argument must be a string.
    pub(super) takes_format: bool,
    pub(super) body: fn(&[Value]) -> Result<Value, String>,
}

pub(crate) fn is_builtin(name: &str) -> bool {
    find(name).is_some()
}

pub(super) fn find(name: &str) -> Option<Builtin> {
    let new = |fixed, is_variadic, body| Builtin { fixed, is_variadic, stops_at: None, takes_format: false, body };
    let nothing: fn(&[Value]) -> Result<Value, String> = |_| Ok(Value::Nil);
    Some(match name {
        "and" => Builtin { stops_at: Some(false), ..new(1, true, nothing) },
        "or" => Builtin { stops_at: Some(true), ..new(1, true, nothing) },
        "not" => new(1, false, |values| Ok(Value::Bool(!first(values).is_true()))),
        "call" => new(1, true, nothing),
        "html" => new(0, true, |values| Ok(Value::String(escape::html(&text_of(values)?)))),
        "js" => new(0, true, |values| Ok(Value::String(escape::js(&text_of(values)?)))),
        "urlquery" => new(0, true, |values| Ok(Value::String(escape::query(&text_of(values)?)))),
        "index" => new(1, true, index::index),
        "slice" => new(1, true, index::slice),
        "len" => new(1, false, index::length),
        "print" => new(0, true, |values| text(format::sprint(values))),
        "println" => new(0, true, |values| text(format::sprintln(values))),
        "printf" => Builtin { takes_format: true, ..new(1, true, printf) },
        "eq" => new(1, true, |values| compare::equal_to_any(values).map(Value::Bool)),
        "ne" => new(2, false, |values| compare::equal_to_any(values).map(|equal| Value::Bool(!equal))),
        "lt" => new(2, false, |values| compare::less(first(values), second(values)).map(Value::Bool)),
        "le" => new(2, false, |values| compare::less_or_equal(first(values), second(values)).map(Value::Bool)),
        "gt" => {
            new(2, false, |values| compare::less_or_equal(first(values), second(values)).map(|less| Value::Bool(!less)))
        }
        "ge" => new(2, false, |values| compare::less(first(values), second(values)).map(|less| Value::Bool(!less))),
        _ => return None,
    })
}

const NIL: &Value = &Value::Nil;

fn first(values: &[Value]) -> &Value {
    values.first().unwrap_or(NIL)
}

fn second(values: &[Value]) -> &Value {
    values.get(1).unwrap_or(NIL)
}

/// What the escaping functions work on.
fn text_of(values: &[Value]) -> Result<Text, String> {
    match values {
        [Value::String(text)] => Ok(text.clone()),
        values => format::sprint(values).map_err(|limit| limit.to_string()),
    }
}

fn text(printed: Result<Text, format::Limit>) -> Result<Value, String> {
    printed.map(Value::String).map_err(|limit| limit.to_string())
}

fn printf(values: &[Value]) -> Result<Value, String> {
    match values.split_first() {
        Some((Value::String(format), operands)) => text(format::sprintf(format, operands)),
        _ => Ok(Value::from("")),
    }
}
