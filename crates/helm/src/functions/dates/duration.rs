//! Durations as Go writes and reads them: `1h2m0.5s`.

use std::any::Any;
use std::rc::Rc;

use cowherd_template::{Kind, Object, Value};

use crate::functions::arguments::NIL_POINTER;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// `time.Duration.String`, of nanoseconds.
pub(crate) fn print(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    if total == 0 {
        return "0s".into();
    }
    let small = [(1_000, 1, "ns"), (1_000_000, 1_000, "µs"), (SECOND.unsigned_abs(), 1_000_000, "ms")];
    if let Some((_, unit, name)) = small.into_iter().find(|(below, ..)| total < *below) {
        return format!("{sign}{}{name}", with_fraction(total, unit));
    }
    let seconds = total / SECOND.unsigned_abs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = with_fraction(total % MINUTE.unsigned_abs(), SECOND.unsigned_abs());
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// `value / unit` in full, where `unit` is a power of ten.
fn with_fraction(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let fraction = format!("{:0width$}", value % unit);
    let fraction = if width == 0 { "" } else { fraction.trim_end_matches('0') };
    if fraction.is_empty() { (value / unit).to_string() } else { format!("{}.{fraction}", value / unit) }
}

/// `time.ParseDuration`: nanoseconds, or what is wrong in Go's words.
pub fn parse(text: &str) -> Result<i64, String> {
    let quoted = cowherd_template::format::quote(text.as_bytes());
    let invalid = || format!("time: invalid duration {quoted}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after_whole) = digits(rest);
        let (fraction, after_number) = match after_whole.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after_whole),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after_number.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after_number.len());
        let (name, next) = after_number.split_at(end);
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {quoted}"));
        }
        let unit = unit(name).ok_or_else(|| {
            format!("time: unknown unit {} in duration {quoted}", cowherd_template::format::quote(name.as_bytes()))
        })?;
        let part = amount(whole, fraction, unit).ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or_else(invalid)?;
        rest = next;
    }
    match negative {
        true => 0_i64.checked_sub_unsigned(total).ok_or_else(invalid),
        false => i64::try_from(total).map_err(|_| invalid()),
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND.unsigned_abs(),
        "m" => MINUTE.unsigned_abs(),
        "h" => HOUR.unsigned_abs(),
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let parts: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_f64.powi(i32::try_from(fraction.len()).ok()?);
    let extra = (parts as f64 * (unit as f64 / scale)) as u64;
    whole.checked_mul(unit).filter(|value| *value <= 1 << 63)?.checked_add(extra)
}

/// A `time.Duration` as templates see it.
pub(crate) struct Duration(pub(crate) i64);

impl Object for Duration {
    fn type_name(&self) -> &str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn has_method(&self, name: &str) -> bool {
        matches!(
            name,
            "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "String" | "Abs"
        )
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let result = match name {
            "Hours" => Value::Float(self.0 as f64 / HOUR as f64),
            "Minutes" => Value::Float(self.0 as f64 / MINUTE as f64),
            "Seconds" => Value::Float(self.0 as f64 / SECOND as f64),
            "Milliseconds" => Value::Int64(self.0 / 1_000_000),
            "Microseconds" => Value::Int64(self.0 / 1_000),
            "Nanoseconds" => Value::Int64(self.0),
            "String" => Value::from(print(self.0)),
            "Abs" => Value::Object(Rc::new(Self(self.0.saturating_abs()))),
            _ => return None,
        };
        Some(no_arguments(name, arguments).map(|()| result))
    }

    fn print(&self) -> String {
        print(self.0)
    }

    fn is_true(&self) -> bool {
        self.0 != 0
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::Int64(self.0))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| other.0 == self.0))
    }
}

/// Refuses arguments to a method that takes none.
pub(crate) fn no_arguments(name: &str, arguments: &[Value]) -> Result<(), String> {
    wanted_arguments(name, arguments, 0)
}

/// Refuses another number of arguments than a method takes.
pub(crate) fn wanted_arguments(name: &str, arguments: &[Value], count: usize) -> Result<(), String> {
    if arguments.len() == count {
        return Ok(());
    }
    Err(format!("wrong number of args for {name}: want {count} got {}", arguments.len()))
}

/// The object of a type that a method takes as its only argument.
pub(crate) fn object<'v, T: 'static>(name: &str, type_name: &str, arguments: &'v [Value]) -> Result<&'v T, String> {
    wanted_arguments(name, arguments, 1)?;
    let found = match arguments.first() {
        Some(Value::Object(object)) => object.as_any().downcast_ref(),
        Some(Value::Nil) if type_name.starts_with('*') => return Err(NIL_POINTER.into()),
        _ => None,
    };
    let given = arguments.first().map(Value::type_name).unwrap_or_default();
    found.ok_or_else(|| format!("wrong type for value; expected {type_name}; got {given}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_and_read_as_go_does() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (2_000_000, "2ms"),
            (SECOND, "1s"),
            (95 * SECOND, "1m35s"),
            (HOUR, "1h0m0s"),
            (-(25 * HOUR + 1_500_000_000), "-25h0m1.5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(print(nanoseconds), text);
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
        assert_eq!(parse("1.5h"), Ok(HOUR + HOUR / 2));
        assert_eq!(parse("+.5s"), Ok(SECOND / 2));
        assert_eq!(parse("1").unwrap_err(), "time: missing unit in duration \"1\"");
        assert_eq!(parse("1x").unwrap_err(), "time: unknown unit \"x\" in duration \"1x\"");
        for text in ["", "-", ".s", "x", "9999999h"] {
            assert!(parse(text).unwrap_err().starts_with("time: invalid duration"), "{text}");
        }
    }
}
