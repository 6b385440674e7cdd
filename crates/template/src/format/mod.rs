//! Prints values as Go's `fmt` prints them.
//!
//! What is printed may hold bytes that are no UTF-8, as Go's strings may; hence [`Text`] and not `String`. Values can be
//! made to hold themselves, and small ones to print as gigabytes: everything but [`print`], which is for messages and
//! cuts, fails with a [`Limit`], which `?` turns into the error of a function or of an execution.

mod character;
mod quote;

pub(crate) use character::{is_digit, is_letter, is_print};
pub(crate) use quote::{can_backquote, code_point, quote_rune};
pub use quote::{quote, quote_to_ascii};

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
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends what `fmt.Fprint` writes of a value.
pub fn append(value: &Value, out: &mut Vec<u8>) -> Result<(), Limit> {
    let _ = (value, out);
    Ok(())
}

/// What `fmt.Sprint` makes of values: spaces stand between two that are no strings.
pub fn sprint(operands: &[Value]) -> Result<Text, Limit> {
    let _ = operands;
    Ok(Text::from(""))
}

/// What `fmt.Sprintln` makes of values: spaces stand between all, and a line break behind them.
pub fn sprintln(operands: &[Value]) -> Result<Text, Limit> {
    let _ = operands;
    Ok(Text::from(""))
}

/// What `fmt.Sprintf` makes of a format and its operands.
pub fn sprintf(format: &Text, operands: &[Value]) -> Result<Text, Limit> {
    let _ = (format, operands);
    Ok(Text::from(""))
}

/// `strconv.FormatFloat(number, verb, precision, 64)` for the verbs `e`, `E`, `f`, `F`, `g` and `G`. Without a precision
/// it gives the fewest digits that mean the number.
pub fn float(number: f64, verb: u8, precision: Option<usize>) -> String {
    let _ = (number, verb, precision);
    String::new()
}
