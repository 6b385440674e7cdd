//! Functions on dates and durations.

pub(super) mod duration;
pub(super) mod layout;
mod layout_parser;
pub(super) mod time;

use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, string};
use crate::functions::math::conversion::{IntError, parse_int};
use time::{TYPE, Time, Zone};

const MODIFY: &[Type] = &[Type::String, Type::Object(TYPE)];
const IN_ZONE: &[Type] = &[Type::String, Type::Any, Type::String];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("now", &[], |call, _| Ok(now(call).into_value())),
        Function::new("date", &[Type::String, Type::Any], |call, given| {
            Ok(formatted(call, &string(given, 0), any(given, 1), "Local"))
        }),
        Function::new("dateInZone", IN_ZONE, date_in_zone),
        Function::new("date_in_zone", IN_ZONE, date_in_zone),
        Function::new("htmlDate", &[Type::Any], |call, given| Ok(formatted(call, HTML, any(given, 0), "Local"))),
        Function::new("htmlDateInZone", &[Type::Any, Type::String], |call, given| {
            Ok(formatted(call, HTML, any(given, 0), &string(given, 1)))
        }),
        Function::new("dateModify", MODIFY, date_modify),
        Function::new("date_modify", MODIFY, date_modify),
        Function::new("mustDateModify", MODIFY, must_date_modify),
        Function::new("must_date_modify", MODIFY, must_date_modify),
        Function::new("toDate", &[Type::String, Type::String], |call, given| {
            Ok(parsed(call, given).unwrap_or_else(|_| Time::zero()).into_value())
        }),
        Function::new("mustToDate", &[Type::String, Type::String], |call, given| Ok(parsed(call, given)?.into_value())),
        Function::new("unixEpoch", &[Type::Object(TYPE)], |_, given| {
            Ok(Value::from(time(any(given, 0)).map_or_else(String::new, |time| time.seconds.to_string())))
        }),
        Function::new("ago", &[Type::Any], ago),
        Function::new("duration", &[Type::Any], |_, given| Ok(Value::from(seconds(any(given, 0))))),
        Function::new("durationRound", &[Type::Any], duration_round),
    ]
    .into_iter()
}

/// How HTML writes dates.
const HTML: &str = "2006-01-02";

fn now(call: &mut Call<'_, '_>) -> Time {
    let context = call.context();
    Time::new(context.now(), context.zone().clone())
}

fn time(value: &Value) -> Option<&Time> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

/// The time that a value means: seconds since 1970, or now for what means none.
fn time_of(call: &mut Call<'_, '_>, value: &Value) -> Time {
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => Time::from_seconds(*seconds, call.context().zone().clone()),
        value => time(value).cloned().unwrap_or_else(|| now(call)),
    }
}

fn formatted(call: &mut Call<'_, '_>, layout: &str, value: &Value, zone: &str) -> Value {
    let zone = match zone {
        "Local" => call.context().zone().clone(),
        name => Zone::named(name).unwrap_or(Zone::Utc),
    };
    Value::from(layout::format(&time_of(call, value).in_zone(zone), layout))
}

fn date_in_zone(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    Ok(formatted(call, &string(arguments, 0), any(arguments, 1), &string(arguments, 2)))
}

fn date_modify(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    must_date_modify(call, arguments).or_else(|_| Ok(any(arguments, 1).clone()))
}

fn must_date_modify(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let step = duration::parse(&string(arguments, 0))?;
    Ok(time(any(arguments, 1)).map(|time| time.add(step).into_value()).unwrap_or_default())
}

fn parsed(call: &mut Call<'_, '_>, arguments: &[Value]) -> Result<Time, String> {
    layout_parser::parse(&string(arguments, 0), &string(arguments, 1), call.context().zone())
}

fn ago(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let then = time_of(call, any(arguments, 0));
    let passed = i128::from(now(call).since(&then));
    let second = i128::from(cowherd_duration::SECOND);
    // Halves go away from zero.
    let rounded = (passed.abs() + second / 2) / second * second * passed.signum();
    let limit = if passed < 0 { i64::MIN } else { i64::MAX };
    Ok(Value::from(cowherd_duration::print(i64::try_from(rounded).unwrap_or(limit))))
}

/// A number of seconds as a duration.
fn seconds(value: &Value) -> String {
    let seconds = match value {
        Value::Int64(seconds) => *seconds,
        Value::String(text) => match parse_int(&text.to_str(), 10) {
            Ok(seconds) | Err(IntError::Range(seconds)) => seconds,
            Err(IntError::Syntax) => 0,
        },
        _ => 0,
    };
    cowherd_duration::print(seconds.wrapping_mul(cowherd_duration::SECOND))
}

/// The largest unit of a duration, and how many there are of it.
fn duration_round(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let nanoseconds = match any(arguments, 0) {
        Value::Int64(nanoseconds) => *nanoseconds,
        Value::String(text) => duration::parse(&text.to_str()).unwrap_or(0),
        value => match time(value) {
            Some(then) => now(call).since(then),
            None => 0,
        },
    };
    let (second, minute, hour) = (cowherd_duration::SECOND, cowherd_duration::MINUTE, cowherd_duration::HOUR);
    let day = 24 * hour;
    let units = [(365 * day, "y"), (30 * day, "mo"), (day, "d"), (hour, "h"), (minute, "m"), (second, "s")];
    let total = nanoseconds.unsigned_abs();
    let largest = units.into_iter().find(|(unit, _)| total > unit.unsigned_abs());
    Ok(Value::from(match largest {
        Some((unit, name)) => format!("{}{name}", total / unit.unsigned_abs()),
        None => "0s".into(),
    }))
}
