//! Conversions between types.

use super::{Function, Sig, function, global, strings};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::time::{Duration, Timestamp};
use crate::value::{TypeName, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("type", &[global(&[Sig::A], Sig::TypeA)], |_, arguments| {
        one(arguments).map(|value| Value::Type(TypeName(value.type_name())))
    }),
    function("dyn", &[global(&[Sig::A], Sig::Dyn)], |_, arguments| one(arguments).cloned()),
    function("bool", &[global(&[Sig::Bool], Sig::Bool), global(&[Sig::Text], Sig::Bool)], to_bool),
    function("bytes", &[global(&[Sig::Bytes], Sig::Bytes), global(&[Sig::Text], Sig::Bytes)], to_bytes),
    function(
        "double",
        &[
            global(&[Sig::Double], Sig::Double),
            global(&[Sig::Int], Sig::Double),
            global(&[Sig::Text], Sig::Double),
            global(&[Sig::Uint], Sig::Double),
        ],
        to_double,
    ),
    function(
        "duration",
        &[
            global(&[Sig::Duration], Sig::Duration),
            global(&[Sig::Int], Sig::Duration),
            global(&[Sig::Text], Sig::Duration),
        ],
        to_duration,
    ),
    function(
        "int",
        &[
            global(&[Sig::Int], Sig::Int),
            global(&[Sig::Double], Sig::Int),
            global(&[Sig::Duration], Sig::Int),
            global(&[Sig::Text], Sig::Int),
            global(&[Sig::Timestamp], Sig::Int),
            global(&[Sig::Uint], Sig::Int),
        ],
        to_int,
    ),
    function(
        "string",
        &[
            global(&[Sig::Text], Sig::Text),
            global(&[Sig::Bool], Sig::Text),
            global(&[Sig::Bytes], Sig::Text),
            global(&[Sig::Double], Sig::Text),
            global(&[Sig::Duration], Sig::Text),
            global(&[Sig::Int], Sig::Text),
            global(&[Sig::Timestamp], Sig::Text),
            global(&[Sig::Uint], Sig::Text),
        ],
        to_text,
    ),
    function(
        "timestamp",
        &[
            global(&[Sig::Timestamp], Sig::Timestamp),
            global(&[Sig::Int], Sig::Timestamp),
            global(&[Sig::Text], Sig::Timestamp),
        ],
        to_timestamp,
    ),
    function(
        "uint",
        &[
            global(&[Sig::Uint], Sig::Uint),
            global(&[Sig::Double], Sig::Uint),
            global(&[Sig::Int], Sig::Uint),
            global(&[Sig::Text], Sig::Uint),
        ],
        to_uint,
    ),
];

/// Whether a function converts: of what is always the same it is called once, before any evaluation.
pub(crate) fn is_conversion(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name)
}

fn one<'v, 'a>(arguments: &'v [Value<'a>]) -> Outcome<&'v Value<'a>> {
    match arguments {
        [value] => Ok(value),
        _ => Err(Fault::no_overload()),
    }
}

fn unreadable(text: &str, name: &str) -> Fault {
    let shown: String = text.chars().take(64).collect();
    Fault::error(format!("{shown:?} cannot be read as {name}"))
}

fn to_bool<'a>(_: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    match one(arguments)? {
        it @ Value::Bool(_) => Ok(it.clone()),
        Value::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            text => Err(unreadable(text, "bool")),
        },
        _ => Err(Fault::no_overload()),
    }
}

fn to_bytes<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    match one(arguments)? {
        it @ Value::Bytes(_) => Ok(it.clone()),
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => Err(Fault::no_overload()),
    }
}

fn to_double<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    Ok(Value::Double(match one(arguments)? {
        Value::Double(number) => *number,
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            let number: f64 = text.parse().map_err(|_| unreadable(text, "double"))?;
            // What has digits and is infinite is too large.
            if number.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
                return Err(unreadable(text, "double"));
            }
            number
        }
        _ => return Err(Fault::no_overload()),
    }))
}

fn to_duration<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    Ok(Value::Duration(match one(arguments)? {
        Value::Duration(duration) => *duration,
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            Duration::parse(text)?
        }
        _ => return Err(Fault::no_overload()),
    }))
}

fn to_int<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    Ok(Value::Int(match one(arguments)? {
        Value::Int(number) => *number,
        Value::Double(number) if *number > i64::MIN as f64 && *number < i64::MAX as f64 => *number as i64,
        Value::Uint(number) => i64::try_from(*number).map_err(|_| Fault::error("integer overflow"))?,
        Value::Double(_) => return Err(Fault::error("integer overflow")),
        Value::Duration(duration) => duration.0,
        Value::Timestamp(timestamp) => timestamp.seconds(),
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            text.parse().map_err(|_| unreadable(text, "int"))?
        }
        _ => return Err(Fault::no_overload()),
    }))
}

fn to_uint<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    let overflow = || Fault::error("unsigned integer overflow");
    Ok(Value::Uint(match one(arguments)? {
        Value::Uint(number) => *number,
        Value::Double(number) if *number >= 0.0 && *number < u64::MAX as f64 => *number as u64,
        Value::Double(_) => return Err(overflow()),
        Value::Int(number) => u64::try_from(*number).map_err(|_| overflow())?,
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            let digits = Some(text.as_str()).filter(|text| !text.starts_with('+'));
            digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| unreadable(text, "uint"))?
        }
        _ => return Err(Fault::no_overload()),
    }))
}

fn to_text<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    Ok(match one(arguments)? {
        it @ Value::Text(_) => it.clone(),
        Value::Bool(it) => Value::text(it.to_string()),
        Value::Int(it) => Value::text(it.to_string()),
        Value::Uint(it) => Value::text(it.to_string()),
        Value::Double(it) => Value::text(strings::double(*it)),
        Value::Duration(it) => Value::text(it.text()),
        Value::Timestamp(it) => Value::text(it.text()),
        Value::Bytes(bytes) => {
            meter.spend_bytes(bytes.len())?;
            let text = std::str::from_utf8(bytes);
            Value::text(text.map_err(|_| Fault::error("invalid UTF-8 in bytes, cannot convert to string"))?)
        }
        _ => return Err(Fault::no_overload()),
    })
}

fn to_timestamp<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    Ok(Value::Timestamp(match one(arguments)? {
        Value::Timestamp(timestamp) => *timestamp,
        Value::Int(seconds) => Timestamp::from_seconds(*seconds)?,
        Value::Text(text) => {
            meter.spend_bytes(text.len())?;
            Timestamp::parse(text)?
        }
        _ => return Err(Fault::no_overload()),
    }))
}
