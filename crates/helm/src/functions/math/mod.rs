//! Functions on numbers.

pub(super) mod conversion;
mod decimal;

use cowherd_template::{Fault, Function, List, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, int, printed, rest, string};
use crate::functions::call::limits::check_items;
use conversion::{IntError, parse_int, to_float, to_int64};
use decimal::Decimal;

const ONE: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];
const NONE: &[Type] = &[];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("atoi", &[Type::String], |_, given| Ok(Value::Int(saturated(&string(given, 0))))),
        Function::new("int", ONE, |_, given| Ok(Value::Int(number(given, 0)))),
        Function::new("int64", ONE, |_, given| Ok(Value::Int64(number(given, 0)))),
        Function::new("float64", ONE, |_, given| Ok(Value::Float(float(given, 0)))),
        Function::new("toDecimal", ONE, to_decimal),
        Function::new("add1", ONE, |_, given| Ok(Value::Int64(number(given, 0).wrapping_add(1)))),
        Function::variadic("add", NONE, Type::Any, |_, given| Ok(folded(0, given, i64::wrapping_add))),
        Function::new("sub", TWO, |_, given| Ok(Value::Int64(number(given, 0).wrapping_sub(number(given, 1))))),
        Function::variadic("mul", ONE, Type::Any, |_, given| Ok(folded(1, given, i64::wrapping_mul))),
        Function::new("div", TWO, |_, given| divided(given, i64::wrapping_div)),
        Function::new("mod", TWO, |_, given| divided(given, i64::wrapping_rem)),
        Function::new("add1f", ONE, |_, given| {
            let sum = Decimal::new(float(given, 0))?.add(&Decimal::new(1.0)?);
            Ok(Value::Float(sum.to_float()))
        }),
        Function::variadic("addf", NONE, Type::Any, |_, given| {
            calculated(Decimal::new(0.0)?, given, |a, b| Ok(a.add(b)))
        }),
        Function::variadic("subf", ONE, Type::Any, |_, given| {
            calculated(Decimal::new(float(given, 0))?, rest(given, 1), |a, b| Ok(a.subtract(b)))
        }),
        Function::variadic("mulf", ONE, Type::Any, |_, given| {
            calculated(Decimal::new(float(given, 0))?, rest(given, 1), |a, b| Ok(a.multiply(b)))
        }),
        Function::variadic("divf", ONE, Type::Any, |_, given| {
            calculated(Decimal::new(float(given, 0))?, rest(given, 1), Decimal::divide)
        }),
        Function::variadic("max", ONE, Type::Any, |_, given| Ok(folded(i64::MIN, given, i64::max))),
        Function::variadic("biggest", ONE, Type::Any, |_, given| Ok(folded(i64::MIN, given, i64::max))),
        Function::variadic("min", ONE, Type::Any, |_, given| Ok(folded(i64::MAX, given, i64::min))),
        Function::variadic("maxf", ONE, Type::Any, |_, given| Ok(extreme(given, f64::max))),
        Function::variadic("minf", ONE, Type::Any, |_, given| Ok(extreme(given, f64::min))),
        Function::new("ceil", ONE, |_, given| Ok(Value::Float(float(given, 0).ceil()))),
        Function::new("floor", ONE, |_, given| Ok(Value::Float(float(given, 0).floor()))),
        Function::variadic("round", &[Type::Any, Type::Int], Type::Float, round),
        Function::new("until", &[Type::Int], |_, given| {
            let stop = int(given, 0);
            integers(until_step(0, stop, if stop < 0 { -1 } else { 1 })?)
        }),
        Function::new("untilStep", &[Type::Int, Type::Int, Type::Int], |_, given| {
            integers(until_step(int(given, 0), int(given, 1), int(given, 2))?)
        }),
        Function::variadic("seq", NONE, Type::Int, seq),
    ]
    .into_iter()
}

fn number(arguments: &[Value], at: usize) -> i64 {
    to_int64(any(arguments, at))
}

fn float(arguments: &[Value], at: usize) -> f64 {
    to_float(any(arguments, at))
}

/// What `strconv.Atoi` gives besides its error.
pub(super) fn saturated(text: &str) -> i64 {
    match parse_int(text, 10) {
        Ok(number) | Err(IntError::Range(number)) => number,
        Err(IntError::Syntax) => 0,
    }
}

/// The number whose octal digits a value prints as.
fn to_decimal(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let text = printed(any(arguments, 0))?;
    Ok(Value::Int64(parse_int(&text.to_str(), 8).unwrap_or(0)))
}

fn folded(start: i64, arguments: &[Value], combine: fn(i64, i64) -> i64) -> Value {
    Value::Int64(arguments.iter().map(to_int64).fold(start, combine))
}

fn divided(arguments: &[Value], divide: fn(i64, i64) -> i64) -> Outcome {
    match number(arguments, 1) {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(Value::Int64(divide(number(arguments, 0), divisor))),
    }
}

fn calculated(
    start: Decimal,
    others: &[Value],
    combine: impl Fn(&Decimal, &Decimal) -> Result<Decimal, Fault>,
) -> Outcome {
    let mut result = start;
    for other in others {
        result = combine(&result, &Decimal::new(to_float(other))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

/// The largest or smallest; what is not a number wins over all.
fn extreme(arguments: &[Value], choose: fn(f64, f64) -> f64) -> Value {
    let numbers = arguments.iter().map(to_float);
    let extreme = numbers.reduce(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { choose(a, b) });
    Value::Float(extreme.unwrap_or_default())
}

fn round(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let round_on = match arguments.get(2) {
        Some(Value::Float(number)) => *number,
        _ => 0.5,
    };
    let power = 10_f64.powf(int(arguments, 1) as f64);
    let digit = power * float(arguments, 0);
    let rounded = if digit.fract() >= round_on { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

/// The numbers from `start` to before `stop`.
fn until_step(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Fault> {
    let distance = i128::from(stop) - i128::from(start);
    let step_wide = i128::from(step);
    if step == 0 || distance == 0 || (distance < 0) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = (distance.abs() + step_wide.abs() - 1) / step_wide.abs();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    check_items(count)?;
    Ok((0..count).scan(start, |next, _| Some(std::mem::replace(next, next.wrapping_add(step)))).collect())
}

fn integers(numbers: Vec<i64>) -> Outcome {
    Ok(Value::List(List::of("int", numbers.into_iter().map(Value::Int))))
}

fn seq(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let at = |at: usize| int(arguments, at);
    let (start, step, end) = match arguments.len() {
        1 => (1, None, at(0)),
        2 => (at(0), None, at(1)),
        3 => (at(0), Some(at(1)), at(2)),
        _ => return Ok(Value::from("")),
    };
    let direction = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if end < start && step > 0 {
        return Ok(Value::from(""));
    }
    let numbers = until_step(start, end.wrapping_add(direction), step)?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::from(texts.join(" ")))
}
