//! Whole numbers as slim-sprig takes them, which reads texts as decimal numbers alone where sprig takes `0x1f` and `017` too.

use cowherd_helm::functions::Context;
use cowherd_template::{Fault, Function, Type, Value};

const ONE: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

/// The functions of whole numbers.
pub(crate) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("int", ONE, |_, given| Ok(Value::Int(at(given, 0)))),
        Function::new("int64", ONE, |_, given| Ok(Value::Int64(at(given, 0)))),
        Function::new("add1", ONE, |_, given| Ok(Value::Int64(at(given, 0).wrapping_add(1)))),
        Function::variadic("add", &[], Type::Any, |_, given| Ok(folded(0, given, i64::wrapping_add))),
        Function::new("sub", TWO, |_, given| Ok(Value::Int64(at(given, 0).wrapping_sub(at(given, 1))))),
        Function::variadic("mul", ONE, Type::Any, |_, given| Ok(folded(1, given, i64::wrapping_mul))),
        Function::new("div", TWO, |_, given| divided(given, i64::wrapping_div)),
        Function::new("mod", TWO, |_, given| divided(given, i64::wrapping_rem)),
        Function::variadic("max", ONE, Type::Any, |_, given| Ok(folded(at(given, 0), given, i64::max))),
        Function::variadic("biggest", ONE, Type::Any, |_, given| Ok(folded(at(given, 0), given, i64::max))),
        Function::variadic("min", ONE, Type::Any, |_, given| Ok(folded(at(given, 0), given, i64::min))),
    ]
    .into_iter()
}

fn at(given: &[Value], place: usize) -> i64 {
    given.get(place).map_or(0, whole)
}

/// The value as an `int64`; 0 where it is no number.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Byte(number) => i64::from(*number),
        Value::Uint64(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        // What does not fit is the smallest one, as processors have it.
        Value::Float(number) if (-9.3e18..9.2e18).contains(number) => *number as i64,
        Value::Float(_) => i64::MIN,
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => text.to_str().parse().unwrap_or(0),
        _ => 0,
    }
}

fn folded(start: i64, given: &[Value], combine: fn(i64, i64) -> i64) -> Value {
    Value::Int64(given.iter().map(whole).fold(start, combine))
}

fn divided(given: &[Value], divide: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    match at(given, 1) {
        0 => Err(Fault::from("runtime error: integer divide by zero")),
        divisor => Ok(Value::Int64(divide(at(given, 0), divisor))),
    }
}
