//! Numbers as Go reads, prints and passes them on.

use serde_json::{Number, Value};

/// The whole number that `text` (without underscores) is in Go's base-0 notation: decimal, or octal, hexadecimal
/// or binary with its prefix.
pub(crate) fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign of its own, which has no place here.
    if !digits.as_bytes().first()?.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if !negative {
        // Go reads a signed number first; an unsigned one must not carry a plus sign.
        let fits = i64::try_from(magnitude).is_ok() || !text.starts_with('+');
        return fits.then(|| Number::from(magnitude));
    }
    match magnitude {
        0 => Some(Number::from(0)),
        1..=0x8000_0000_0000_0000 => Some(Number::from((magnitude as i64).wrapping_neg())),
        _ => None,
    }
}

/// The number that `text` (without underscores) is in the notation YAML has for floats; infinite ones excluded.
pub(crate) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !unsigned.is_empty() && digits(unsigned)
    });
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) || !exponent_is_right {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The value that a float is once it went through JSON: a whole one that fits becomes an integer.
pub(crate) fn json(value: f64) -> Value {
    whole(value).map(Value::Number).or_else(|| Number::from_f64(value).map(Value::Number)).unwrap_or(Value::Null)
}

/// The integer whose digits JSON shows for `value`: the shortest ones that tell it apart, filled up with zeros.
fn whole(value: f64) -> Option<Number> {
    // From 1e21 on JSON shows an exponent.
    if value.fract() != 0.0 || value.abs() >= 1e21 {
        return None;
    }
    if value.abs() < 1e15 {
        return Some(Number::from(value as i64));
    }
    let digits = format!("{value}");
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

/// A number as Kubernetes' tools print it: whole ones in full, others with an exponent from 1e+06 on and below 1e-4.
pub(crate) fn print(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => match whole(value) {
            Some(whole) => whole.to_string(),
            None => shortest(&number.to_string()),
        },
        _ => number.to_string(),
    }
}

/// The float with the digits that JSON shows, in the form of C's `%g`.
fn shortest(json: &str) -> String {
    let (sign, unsigned) = match json.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", json),
    };
    let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading_zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    let exponent = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - 1 - leading_zeros as i32;
    let (first, rest) = digits.split_at(digits.len().min(1));
    match exponent {
        -4..0 => format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        0..6 => {
            let (whole, fraction) = digits.split_at(digits.len().min(exponent as usize + 1));
            format!("{sign}{whole}.{fraction}")
        }
        _ => {
            let point = if rest.is_empty() { "" } else { "." };
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{point}{rest}e{direction}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        let read = |text| integer(text).map(|number| number.to_string());
        assert_eq!(read("0777").as_deref(), Some("511"));
        assert_eq!(read("-0x1f").as_deref(), Some("-31"));
        assert_eq!(read("0b11").as_deref(), Some("3"));
        assert_eq!(read("-9223372036854775808").as_deref(), Some("-9223372036854775808"));
        assert_eq!(read("18446744073709551615").as_deref(), Some("18446744073709551615"));
        for text in ["09", "0x", "--1", "+", "18446744073709551616", "-9223372036854775809", "0x-1", "1e3"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        let print = |value: f64| print(&Number::from_f64(value).unwrap());
        assert_eq!(print(0.1), "0.1");
        assert_eq!(print(123456789.125), "1.23456789125e+08");
        assert_eq!(print(1e-5), "1e-05");
        assert_eq!(print(0.0001), "0.0001");
        assert_eq!(print(123456.5), "123456.5");
        assert_eq!(print(1234567.5), "1.2345675e+06");
        assert_eq!(print(1e20), "1e+20");
        assert_eq!(print(-2.0), "-2");
        assert_eq!(print(-0.00025), "-0.00025");
        assert_eq!(print(12.5), "12.5");
    }
}
