//! `format`: values in a text.

use super::{Function, Sig, function, member, text};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::value::{List, Map, Value, deeper};

pub(super) const FUNCTIONS: &[Function] =
    &[function("format", &[member(&[Sig::Text, Sig::ListDyn], Sig::Text)], |meter, arguments| match arguments {
        [pattern, Value::List(values)] => format(meter, text(pattern)?, values),
        _ => Err(Fault::no_overload()),
    })];

/// Why a text is no pattern.
pub(crate) struct FormatError(pub String);

impl From<FormatError> for Fault {
    fn from(FormatError(message): FormatError) -> Self {
        Self::error(message)
    }
}

/// How the values of a pattern are written, one after the other.
pub(crate) fn clauses(pattern: &str) -> Result<Vec<char>, FormatError> {
    let mut verbs = Vec::new();
    let mut rest = pattern;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        let (_, verb, after) = clause(after)?;
        verbs.push(verb);
        rest = after;
    }
    Ok(verbs)
}

/// How many digits follow the point where nobody says it.
const PRECISION: usize = 6;

/// The ways to write a value.
const VERBS: &str = "sdfebxXo";

/// How many digits may follow the point.
const FINEST: usize = 1000;

fn format<'a>(meter: &mut Meter, pattern: &str, values: &List<'_>) -> Outcome<Value<'a>> {
    meter.spend_bytes(pattern.len())?;
    let mut out = String::new();
    let mut rest = pattern;
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let value = values.get(next).ok_or_else(|| Fault::error(format!("index {next} out of range")))?;
        next += 1;
        let (precision, verb, after) = clause(after)?;
        meter.spend_bytes(precision)?;
        let written = write(meter, verb, precision, &value)?;
        meter.spend_bytes(written.len())?;
        out.push_str(&written);
        rest = after;
    }
    out.push_str(rest);
    meter.spend_bytes(out.len())?;
    Ok(Value::text(out))
}

/// The precision, the verb, and what follows it.
fn clause(after: &str) -> Result<(usize, char, &str), FormatError> {
    let mut precision = PRECISION;
    let mut rest = after;
    if let Some(digits) = after.strip_prefix('.') {
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let number = digits.get(..length).unwrap_or_default();
        let refused = || FormatError(format!("the precision {number:?} is none from 0 to {FINEST}"));
        precision = number.parse().ok().filter(|number| *number <= FINEST).ok_or_else(refused)?;
        rest = digits.get(length..).unwrap_or_default();
    }
    let verb = rest.chars().next().ok_or_else(|| FormatError("unexpected end of format string".to_owned()))?;
    if !VERBS.contains(verb) {
        return Err(FormatError(format!("unrecognized formatting clause \"{verb}\"")));
    }
    Ok((precision, verb, rest.get(verb.len_utf8()..).unwrap_or_default()))
}

fn write(meter: &mut Meter, verb: char, precision: usize, value: &Value<'_>) -> Outcome<String> {
    let written = match verb {
        's' => {
            let mut out = String::new();
            plain(meter, value, &mut out)?;
            Some(out)
        }
        'd' => match value {
            Value::Int(number) => Some(number.to_string()),
            Value::Uint(number) => Some(number.to_string()),
            Value::Double(number) => Some(decimal(*number)),
            _ => None,
        },
        'f' => number(value).map(|number| special(number).unwrap_or_else(|| format!("{number:.precision$}"))),
        'e' => number(value).map(|number| special(number).unwrap_or_else(|| scientific(number, precision))),
        'b' => match value {
            Value::Bool(it) => Some(u8::from(*it).to_string()),
            _ => based(value, |number| format!("{number:b}")),
        },
        'o' => based(value, |number| format!("{number:o}")),
        'x' => hexadecimal(meter, value)?,
        'X' => hexadecimal(meter, value)?.map(|text| text.to_ascii_uppercase()),
        _ => None,
    };
    written.ok_or_else(|| {
        Fault::error(format!("a value of the type {} cannot be formatted by %{verb}", value.type_name()))
    })
}

fn number(value: &Value<'_>) -> Option<f64> {
    Some(match value {
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Double(number) => *number,
        _ => return None,
    })
}

fn special(number: f64) -> Option<String> {
    if number.is_nan() {
        return Some("NaN".into());
    }
    number.is_infinite().then(|| if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned())
}

fn decimal(number: f64) -> String {
    special(number).unwrap_or_else(|| format!("{number}"))
}

fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A whole number in another base, with its sign.
fn based(value: &Value<'_>, write: fn(u64) -> String) -> Option<String> {
    match value {
        Value::Int(number) => {
            let sign = if *number < 0 { "-" } else { "" };
            Some(format!("{sign}{}", write(number.unsigned_abs())))
        }
        Value::Uint(number) => Some(write(*number)),
        _ => None,
    }
}

fn hexadecimal(meter: &mut Meter, value: &Value<'_>) -> Outcome<Option<String>> {
    let bytes = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => return Ok(based(value, |number| format!("{number:x}"))),
    };
    meter.spend_bytes(4 * bytes.len())?;
    Ok(Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// A value as `%s` has it.
fn plain(meter: &mut Meter, value: &Value<'_>, out: &mut String) -> Outcome<()> {
    meter.spend(1)?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Int(it) => out.push_str(&it.to_string()),
        Value::Uint(it) => out.push_str(&it.to_string()),
        Value::Double(it) => out.push_str(&decimal(*it)),
        Value::Text(it) => {
            meter.spend_bytes(it.len())?;
            out.push_str(it);
        }
        Value::Bytes(it) => {
            meter.spend_bytes(it.len())?;
            out.push_str(&String::from_utf8_lossy(it));
        }
        Value::Timestamp(it) => out.push_str(&it.in_utc().text()),
        Value::Duration(it) => out.push_str(&it.text()),
        Value::Type(it) => out.push_str(it.0),
        Value::List(list) => {
            out.push('[');
            for (place, item) in list.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { ", " });
                deeper(|| plain(meter, &item, out))?;
            }
            out.push(']');
        }
        Value::Map(map) => entries(meter, map, out)?,
        Value::Optional(_) => return Err(Fault::error("an optional value cannot be formatted by %s")),
    }
    Ok(())
}

/// The entries of a map, in the order of their keys as texts.
fn entries(meter: &mut Meter, map: &Map<'_>, out: &mut String) -> Outcome<()> {
    meter.spend(map.len())?;
    let mut written = Vec::new();
    for (key, value) in map.entries() {
        let (mut key_text, mut value_text) = (String::new(), String::new());
        plain(meter, &key, &mut key_text)?;
        deeper(|| plain(meter, &value, &mut value_text))?;
        meter.spend_bytes(key_text.len() + value_text.len())?;
        written.push((key_text, value_text));
    }
    written.sort_by(|(one, _), (other, _)| one.cmp(other));
    let written: Vec<String> = written.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
    out.push('{');
    out.push_str(&written.join(", "));
    out.push('}');
    Ok(())
}
