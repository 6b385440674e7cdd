//! Prints values as Go's `fmt` prints them.
//!
//! What is printed may hold bytes that are no UTF-8, as Go's strings may; hence [`Text`] and not `String`. Values can be
//! made to hold themselves, and small ones to print as gigabytes: everything but [`print`], which is for messages and
//! cuts, fails with a [`Limit`], which `?` turns into the error of a function or of an execution.

mod character;
mod directive;
mod float;
mod number;
mod printer;
mod quote;
mod rune;
mod value;

pub(crate) use character::{is_digit, is_letter, is_print};
pub use float::float;
pub(crate) use quote::{can_backquote, code_point, quote_rune};
pub use quote::{quote, quote_to_ascii};

use directive::Directives;
use printer::Printer;

use crate::value::{Text, Value};

/// Why values cannot be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// They hold each other too deep, or themselves.
    #[error(
        "value is nested too deep to be printed: more than {} levels, or a value that holds itself",
        crate::value::MAX_DEPTH
    )]
    Depth,
    /// What they print as is too large.
    #[error("value is too large to be printed: more than {MAX_SIZE} bytes")]
    Size,
}

/// How many bytes a single call may print.
pub const MAX_SIZE: usize = 128 << 20;

impl From<Limit> for crate::Fault {
    fn from(limit: Limit) -> Self {
        Self::Message(limit.to_string())
    }
}

impl From<Limit> for crate::Error {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit.to_string())
    }
}

/// What `%v` makes of a value, for messages: what is not UTF-8 is replaced, and what is too deep or too large is cut.
pub fn print(value: &Value) -> String {
    let mut out = Vec::new();
    let _ = append(value, &mut out);
    crate::value::lossy(&out).into_owned()
}

/// Appends what `fmt.Fprint` writes of a value.
pub fn append(value: &Value, out: &mut Vec<u8>) -> Result<(), Limit> {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) | Value::Int64(number) => out.extend_from_slice(number.to_string().as_bytes()),
        _ => Printer::new(out).operand(value, 'v')?,
    }
    Ok(())
}

/// What `fmt.Sprint` makes of values: spaces stand between two that are no strings.
pub fn sprint(operands: &[Value]) -> Result<Text, Limit> {
    if let [Value::String(text)] = operands {
        return Ok(text.clone());
    }
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out);
    let mut after_string = true;
    for value in operands {
        let is_string = matches!(value, Value::String(_));
        if !is_string && !after_string {
            printer.write(" ")?;
        }
        printer.operand(value, 'v')?;
        after_string = is_string;
    }
    Ok(Text::from_bytes(out))
}

/// What `fmt.Sprintln` makes of values: spaces stand between all, and a line break behind them.
pub fn sprintln(operands: &[Value]) -> Result<Text, Limit> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out);
    for (index, value) in operands.iter().enumerate() {
        if index > 0 {
            printer.write(" ")?;
        }
        printer.operand(value, 'v')?;
    }
    printer.write("\n")?;
    Ok(Text::from_bytes(out))
}

/// What `fmt.Sprintf` makes of a format and its operands.
pub fn sprintf(format: &Text, operands: &[Value]) -> Result<Text, Limit> {
    let mut out = Vec::with_capacity(format.len() + 16 * operands.len());
    Directives::new(format.as_bytes(), operands, Printer::new(&mut out)).print()?;
    Ok(Text::from_bytes(out))
}
