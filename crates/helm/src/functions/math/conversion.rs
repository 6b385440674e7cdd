//! Numbers out of anything, as `spf13/cast` and `strconv` make them.

use cowherd_template::Value;

use crate::functions::dates::time::named_number;

/// The value as an `int64`; 0 where it is no number.
pub(crate) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Byte(number) => i64::from(*number),
        Value::Uint64(number) => number.cast_signed(),
        Value::Float(number) => truncated(*number),
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => parse_int(without_zero_fraction(&text.to_str()), 0).unwrap_or(0),
        value => named_number(value).unwrap_or(0),
    }
}

/// The value as a `float64`; 0 where it is no number.
pub(crate) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Byte(number) => f64::from(*number),
        Value::Uint64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => parse_float(&text.to_str()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// The whole part. What an `int64` cannot hold becomes the smallest one, as processors have it.
pub(crate) fn truncated(number: f64) -> i64 {
    let fits = number >= -(2_f64.powi(63)) && number < 2_f64.powi(63);
    if fits { number as i64 } else { i64::MIN }
}

/// `1.00` is `1`.
fn without_zero_fraction(text: &str) -> &str {
    match text.trim_end_matches('0').strip_suffix('.') {
        Some(whole) if text.ends_with('0') => whole,
        _ => text,
    }
}

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntError {
    /// It is not written as one.
    Syntax,
    /// It is beyond what fits; this is the nearest that does.
    Range(i64),
}

/// `strconv.ParseInt(text, base, 64)`. Base 0 means that prefixes tell the base, and allows underscores.
pub(crate) fn parse_int(text: &str, base: u32) -> Result<i64, IntError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = if base == 0 { radix(unsigned) } else { (base, unsigned) };
    let has_underscores = base == 0 && digits.contains('_');
    if digits.is_empty() || (has_underscores && !underscores_are_right(unsigned)) {
        return Err(IntError::Syntax);
    }
    let mut magnitude: Option<u64> = Some(0);
    for digit in digits.chars().filter(|c| !(has_underscores && *c == '_')) {
        let digit = digit.to_digit(radix).ok_or(IntError::Syntax)?;
        magnitude = magnitude.and_then(|value| value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit)));
    }
    let limit = if negative { i64::MIN } else { i64::MAX };
    let magnitude = magnitude.ok_or(IntError::Range(limit))?;
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    value.ok_or(IntError::Range(limit))
}

/// The base that a prefix tells, and what follows it.
fn radix(text: &str) -> (u32, &str) {
    let after = |size: usize| text.get(size..).unwrap_or_default();
    match text.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, after(2)),
        [b'0', b'o' | b'O', _, ..] => (8, after(2)),
        [b'0', b'x' | b'X', _, ..] => (16, after(2)),
        [b'0', _, ..] => (8, after(1)),
        _ => (10, text),
    }
}

/// Whether every underscore stands between digits, or between a prefix and a digit.
fn underscores_are_right(unsigned: &str) -> bool {
    let lower = unsigned.to_ascii_lowercase();
    let prefixed = ["0b", "0o", "0x"].iter().find_map(|prefix| lower.strip_prefix(prefix));
    let is_hex = lower.starts_with("0x");
    let mut after_digit = prefixed.is_some();
    let mut characters = prefixed.unwrap_or(&lower).chars().peekable();
    while let Some(c) = characters.next() {
        let is_digit = |c: char| c.is_ascii_digit() || (is_hex && c.is_ascii_hexdigit());
        if c == '_' && !(after_digit && characters.peek().copied().is_some_and(is_digit)) {
            return false;
        }
        after_digit = is_digit(c);
    }
    true
}

/// `strconv.ParseFloat(text, 64)`; `None` where it is an error, which it also is where the number is too large.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        "nan" => return (unsigned.len() == text.len()).then_some(f64::NAN),
        _ => {}
    }
    if lower.contains('_') && !underscores_are_right(&lower) {
        return None;
    }
    let digits = lower.replace('_', "");
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => hexadecimal(hex)?,
        None => digits.parse().ok()?,
    };
    let is_finite = f64::is_finite(magnitude);
    is_finite.then_some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// A float in hexadecimal notation behind its prefix: `1.8p3`. Digits beyond what a float holds are cut off.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_start_matches('0');
    let kept = kept.get(..13).unwrap_or(kept);
    let dropped = digits.trim_start_matches('0').len() - kept.len();
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = if kept.is_empty() { 0 } else { u64::from_str_radix(kept, 16).ok()? };
    let exponent: i32 = exponent.parse().ok()?;
    let shift = i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
    let exponent = i64::from(exponent) + 4 * shift;
    Some(value as f64 * 2_f64.powi(i32::try_from(exponent.clamp(-2000, 2000)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_integers_where_go_says_so() {
        let cases = [
            ("42", 42),
            ("+42", 42),
            ("-0x1F", -31),
            ("010", 8),
            ("08", 0),
            ("0b101", 5),
            ("0o17", 15),
            ("1_000", 1000),
            ("0x_1", 1),
            ("1__0", 0),
            ("_1", 0),
            ("1_", 0),
            ("3.00", 3),
            ("3.10", 0),
            ("3.", 0),
            ("", 0),
            (" 1", 0),
            ("9223372036854775808", 0),
            ("-9223372036854775808", i64::MIN),
        ];
        for (text, expected) in cases {
            assert_eq!(to_int64(&Value::from(text)), expected, "{text}");
        }
        assert_eq!(parse_int("99999999999999999999", 10), Err(IntError::Range(i64::MAX)));
        assert_eq!(parse_int("-99999999999999999999", 10), Err(IntError::Range(i64::MIN)));
    }

    #[test]
    fn texts_are_floats_where_go_says_so() {
        let cases = [
            ("1.5", Some(1.5)),
            (".5", Some(0.5)),
            ("-1e3", Some(-1000.0)),
            ("0x1p4", Some(16.0)),
            ("0x_1.8p1", Some(3.0)),
            ("1_000", Some(1000.0)),
            ("0x1", None),
            ("1e400", None),
            ("Inf", Some(f64::INFINITY)),
            ("-infinity", Some(f64::NEG_INFINITY)),
            ("+nan", None),
            ("1 ", None),
            ("--1", None),
            ("", None),
            (".", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_float(text), expected, "{text}");
        }
    }
}
