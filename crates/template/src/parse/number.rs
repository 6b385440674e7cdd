//! Numbers as templates write them, and all that each can be taken for.

use std::sync::Arc;

use crate::format::quote;

use super::literal::{Unit, unquote_char};
use super::node::Number;

/// Reads a character constant with its quotes. The error is in Go's words.
pub(super) fn character(text: &str) -> Result<Number, String> {
    let inner = text.get(1..).unwrap_or_default();
    let (unit, tail) = unquote_char(inner, '\'').ok_or("invalid syntax")?;
    if tail != "'" {
        return Err(format!("malformed character constant: {text}"));
    }
    let code = match unit {
        Unit::Byte(byte) => u32::from(byte),
        Unit::Character(character) => u32::from(character),
    };
    Ok(Number {
        text: text.into(),
        int: Some(i64::from(code)),
        uint: Some(u64::from(code)),
        float: Some(f64::from(code)),
        complex: None,
    })
}

/// Reads an integer, a floating point number or an imaginary one.
pub(super) fn number(text: &str) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix('i').and_then(|text| parse_float(text).ok()) {
        return Ok(simplified(text, 0.0, imaginary));
    }
    let mut uint = parse_uint(text);
    let mut int = parse_int(text);
    if int == Some(0) {
        uint = Some(0);
    }
    let float = match (int, uint) {
        (Some(int), _) => Some(int as f64),
        (None, Some(uint)) => Some(uint as f64),
        (None, None) => parse_float(text).ok(),
    };
    if let (None, None, Some(float)) = (int, uint, float) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote(text.as_bytes())));
        }
        int = exact_int(float);
        uint = exact_uint(float);
    }
    if float.is_none() {
        return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
    }
    Ok(Number { text: text.into(), int, uint, float, complex: None })
}

/// Reads a complex number: `1+2i`.
pub(super) fn complex(text: &str) -> Result<Number, String> {
    const MALFORMED: &str = "syntax error scanning complex number";
    let (real, rest) = float_token(text);
    if !rest.starts_with(['+', '-']) {
        return Err(MALFORMED.into());
    }
    let (imaginary, rest) = float_token(rest);
    if !rest.starts_with('i') {
        return Err(MALFORMED.into());
    }
    let parse = |part: &str| {
        parse_float(part).map_err(|why| format!("strconv.ParseFloat: parsing {}: {why}", quote(part.as_bytes())))
    };
    Ok(simplified(text, parse(real)?, parse(imaginary)?))
}

fn simplified(text: &str, real: f64, imaginary: f64) -> Number {
    let float = (imaginary == 0.0).then_some(real);
    Number {
        text: Arc::from(text),
        int: float.and_then(exact_int),
        uint: float.and_then(exact_uint),
        float,
        complex: Some((real, imaginary)),
    }
}

/// The integer that a floating point number is, where it is one.
fn exact_int(float: f64) -> Option<i64> {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float);
    (fits && float.trunc() == float).then_some(float as i64)
}

fn exact_uint(float: f64) -> Option<u64> {
    let fits = (0.0..18_446_744_073_709_551_616.0).contains(&float);
    (fits && float.trunc() == float).then_some(float as u64)
}

/// `strconv.ParseInt` with the base that the text names.
fn parse_int(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let magnitude = i128::from(parse_uint(unsigned)?);
    i64::try_from(if text.starts_with('-') { -magnitude } else { magnitude }).ok()
}

/// `strconv.ParseUint` with the base that the text names.
fn parse_uint(text: &str) -> Option<u64> {
    let (base, digits) = match text.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, text.get(2..)?),
        [b'0', b'o' | b'O', _, ..] => (8, text.get(2..)?),
        [b'0', b'x' | b'X', _, ..] => (16, text.get(2..)?),
        [b'0', ..] => (8, text.get(1..)?),
        [] => return None,
        _ => (10, text),
    };
    let mut number: u64 = 0;
    for digit in digits.chars().filter(|digit| *digit != '_') {
        number = number.checked_mul(u64::from(base))?.checked_add(u64::from(digit.to_digit(base)?))?;
    }
    underscores_are_right(text).then_some(number)
}

/// Whether every underscore stands between digits, or between the base and a digit.
fn underscores_are_right(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let text = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let (digits, hex, mut before) = match text.as_bytes() {
        [b'0', base @ (b'b' | b'o' | b'x'), digits @ ..] => (digits, *base == b'x', b'0'),
        digits => (digits, false, b'^'),
    };
    for byte in digits {
        let class = match byte {
            b'_' => b'_',
            byte if byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit() => b'0',
            _ => b'!',
        };
        if class == b'_' && before != b'0' || class == b'!' && before == b'_' {
            return false;
        }
        before = class;
    }
    before != b'_'
}

const SYNTAX: &str = "invalid syntax";
const RANGE: &str = "value out of range";

/// `strconv.ParseFloat` for what begins with a digit, a sign or a dot.
fn parse_float(text: &str) -> Result<f64, &'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !underscores_are_right(text) || !unsigned.starts_with(|first: char| first == '.' || first.is_ascii_digit()) {
        return Err(SYNTAX);
    }
    let plain = unsigned.replace('_', "");
    let hex = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")).filter(|digits| !digits.is_empty());
    let magnitude = match hex {
        Some(digits) => hex_float(digits)?,
        None => plain.parse::<f64>().map_err(|_| SYNTAX)?,
    };
    if magnitude.is_infinite() {
        return Err(RANGE);
    }
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// A hexadecimal floating point number behind its `0x`: `1.8p3`. The exponent, a power of two, must be there.
fn hex_float(text: &str) -> Result<f64, &'static str> {
    let (digits, exponent) = text.split_once(['p', 'P']).ok_or(SYNTAX)?;
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if integer.is_empty() && fraction.is_empty() {
        return Err(SYNTAX);
    }
    let mut mantissa: u64 = 0;
    let mut dropped: i64 = 0;
    for digit in integer.chars().chain(fraction.chars()) {
        let digit = u64::from(digit.to_digit(16).ok_or(SYNTAX)?);
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            // Beyond the precision; whether anything is there still decides how it is rounded.
            mantissa |= u64::from(digit != 0);
            dropped += 4;
        }
    }
    let fraction_bits = i64::try_from(fraction.len()).map_err(|_| RANGE)?.saturating_mul(4);
    Ok(scaled(mantissa, binary_exponent(exponent)? - fraction_bits + dropped))
}

/// The exponent; what is beyond all numbers anyway is cut.
fn binary_exponent(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SYNTAX);
    }
    let magnitude = digits.parse::<i64>().map_or(1 << 40, |number| number.min(1 << 40));
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// `mantissa` times two to the power of `exponent`, rounded to the nearest, ties to even. The lowest bit of a mantissa
/// of more than 60 bits stands for all that was lost below it.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let bits = 64 - i64::from(mantissa.leading_zeros());
    let top = exponent.saturating_add(bits);
    if top > 1024 {
        return f64::INFINITY;
    }
    // The place of the last bit that a double keeps.
    let last = (top - 53).max(-1074);
    let shift = last - exponent;
    let kept = match shift {
        // A double has more bits than the mantissa.
        ..0 => mantissa << -shift,
        0..=64 => round(mantissa, shift),
        _ => 0,
    };
    compose(kept, last)
}

/// `mantissa` without its lowest bits, of which there are `dropped`, rounded to the nearest, ties to even.
fn round(mantissa: u64, dropped: i64) -> u64 {
    let mantissa = u128::from(mantissa);
    let (kept, rest) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
    let half = (1 << dropped) >> 1;
    let up = rest > half || rest == half && dropped > 0 && kept & 1 == 1;
    u64::try_from(kept + u128::from(up)).unwrap_or_default()
}

/// A mantissa of up to 54 bits, of which the lowest is worth two to the power of `last`, as a double.
fn compose(mantissa: u64, last: i64) -> f64 {
    // Both steps are exact, as long as the power is normal.
    let (first, second) = if last < -1022 { (-1022, last + 1022) } else { (last, 0) };
    let power = |exponent: i64| f64::from_bits(u64::try_from(exponent + 1023).unwrap_or_default() << 52);
    mantissa as f64 * power(first) * power(second)
}

/// What `fmt.Sscan` takes for a floating point number at the beginning of a text, and what follows it.
fn float_token(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = 0;
    let accept = |end: &mut usize, valid: &dyn Fn(u8) -> bool| {
        let accepted = bytes.get(*end).is_some_and(|byte| valid(*byte));
        *end += usize::from(accepted);
        accepted
    };
    let sign = |byte: u8| matches!(byte, b'+' | b'-');
    if accept(&mut end, &sign) {
        // The beginning of an infinity, which is lost where it is none.
        accept(&mut end, &|byte| byte == b'i');
    }
    let hex = accept(&mut end, &|byte| byte == b'0') && accept(&mut end, &|byte| matches!(byte, b'x' | b'X'));
    let digit = |byte: u8| byte == b'_' || byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit();
    while accept(&mut end, &digit) {}
    if accept(&mut end, &|byte| byte == b'.') {
        while accept(&mut end, &digit) {}
    }
    let exponent = |byte: u8| matches!(byte, b'p' | b'P') || !hex && matches!(byte, b'e' | b'E');
    if accept(&mut end, &exponent) {
        accept(&mut end, &sign);
        while accept(&mut end, &|byte| byte == b'_' || byte.is_ascii_digit()) {}
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}
