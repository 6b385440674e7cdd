//! What bodies of functions read their arguments with. The executor has checked their number and types before.

use std::borrow::Cow;

use cowherd_template::{Execution, Fault, Text, Value, format};

use crate::functions::Context;

/// A call of a function.
pub(in crate::functions) type Call<'e, 'c> = Execution<'e, Context<'c>>;

/// What a function gives back.
pub(in crate::functions) type Outcome = Result<Value, Fault>;

const NIL: &Value = &Value::Nil;

/// The argument at a place; nil where there is none.
pub(in crate::functions) fn any(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(NIL)
}

/// The arguments from a place on.
pub(in crate::functions) fn rest(arguments: &[Value], from: usize) -> &[Value] {
    arguments.get(from..).unwrap_or_default()
}

/// The bytes of a string.
pub(in crate::functions) fn bytes(arguments: &[Value], at: usize) -> &[u8] {
    any(arguments, at).as_text().map(Text::as_bytes).unwrap_or_default()
}

/// A string; what is not UTF-8 in it is replaced.
pub(in crate::functions) fn string(arguments: &[Value], at: usize) -> Cow<'_, str> {
    any(arguments, at).as_text().map(Text::to_str).unwrap_or_default()
}

/// A string as it is.
pub(in crate::functions) fn text(arguments: &[Value], at: usize) -> Text {
    any(arguments, at).as_text().cloned().unwrap_or_else(|| Text::from(""))
}

/// An integer.
pub(in crate::functions) fn int(arguments: &[Value], at: usize) -> i64 {
    any(arguments, at).as_integer().unwrap_or_default()
}

/// A string made of bytes.
pub(in crate::functions) fn made(bytes: impl Into<Vec<u8>>) -> Outcome {
    Ok(Value::String(Text::from_bytes(bytes.into())))
}

/// What sprig takes a value for where it needs a string.
pub(in crate::functions) fn text_of(value: &Value) -> Result<Text, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bytes(bytes) => Ok(Text::from_bytes(bytes.to_vec())),
        value => printed(value),
    }
}

/// What `%v` makes of a value.
pub(in crate::functions) fn printed(value: &Value) -> Result<Text, Fault> {
    if let Value::String(text) = value {
        return Ok(text.clone());
    }
    let mut out = Vec::new();
    format::append(value, &mut out)?;
    Ok(Text::from_bytes(out))
}

/// What Go's runtime says of a nil that is used as if there were something.
pub(in crate::functions) const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

/// What it says of a nil where the type of a value is asked for.
pub(in crate::functions) const NO_TYPE: &str = "reflect: call of reflect.Value.Type on zero Value";
