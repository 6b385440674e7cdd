//! Prints values as Go's `fmt` prints them.

use crate::value::Value;

/// What `fmt.Sprint` makes of a single value, and `%v` in a format.
pub fn print(value: &Value) -> String {
    let _ = value;
    String::new()
}

/// What `fmt.Sprintf` makes of a format and its operands.
pub fn sprintf(format: &str, operands: &[Value]) -> String {
    let _ = (format, operands);
    String::new()
}

/// What `fmt.Sprint` makes of several values: spaces stand between two that are no strings.
pub fn sprint(operands: &[Value]) -> String {
    operands.iter().map(print).collect()
}
