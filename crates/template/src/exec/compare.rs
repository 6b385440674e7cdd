//! `eq`, `lt` and the others: what can be compared, and how.

use std::cmp::Ordering;

use crate::value::{Kind, Value};

/// What comparisons tell apart: Go's `basicKind`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    None,
    Bool,
    Int,
    Uint,
    Float,
    String,
}

fn basic(value: &Value) -> Basic {
    match value.kind() {
        Kind::Bool => Basic::Bool,
        Kind::Int | Kind::Int64 => Basic::Int,
        Kind::Uint8 | Kind::Uint64 => Basic::Uint,
        Kind::Float64 => Basic::Float,
        Kind::String => Basic::String,
        _ => Basic::None,
    }
}

/// Whether the first value equals any of the others.
pub(super) fn equal_to_any(values: &[Value]) -> Result<bool, String> {
    let Some((first, others)) = values.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".into());
    };
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    let (kind_a, kind_b) = (basic(a), basic(b));
    if kind_a != kind_b {
        let integers = matches!((kind_a, kind_b), (Basic::Int, Basic::Uint) | (Basic::Uint, Basic::Int));
        if integers {
            return Ok(integer(a) == integer(b));
        }
        if a.is_nil() || b.is_nil() {
            return Ok(false);
        }
        return Err(incompatible(a, b));
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        _ if kind_a != Basic::None => Ok(integer(a) == integer(b)),
        _ => equal_others(a, b),
    }
}

/// Nil, and what has no order.
fn equal_others(a: &Value, b: &Value) -> Result<bool, String> {
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() && b.is_nil());
    }
    let (print_a, print_b) = (crate::format::print(a), crate::format::print(b));
    if a.kind() != b.kind() {
        return Err(format!("non-comparable types {print_a}: {}, {}: {print_b}", a.type_name(), b.type_name()));
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if let Some(equal) = a.equals(b) => Ok(equal),
        _ => Err(format!("non-comparable type {print_b}: {}", b.type_name())),
    }
}

pub(super) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    let (kind_a, kind_b) = (basic(a), basic(b));
    if kind_a == Basic::None || kind_b == Basic::None {
        return Err("invalid type for comparison".into());
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b) == Some(Ordering::Less)),
        (Value::String(a), Value::String(b)) => Ok(a < b),
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".into()),
        _ => match (integer(a), integer(b)) {
            (Some(a), Some(b)) => Ok(a < b),
            _ => Err(incompatible(a, b)),
        },
    }
}

pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(less(a, b)? || equal(a, b)?)
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

/// An integer of any type, on one scale.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Uint64(number) => Some(i128::from(*number)),
        other => other.as_integer().map(i128::from),
    }
}
