//! Numbers as Go's `strconv.ParseFloat` reads them.

/// The number that a text is; `None` where it is none, or too large for one.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_negative = text.starts_with('-');
    let sign = |number: f64| if is_negative { -number } else { number };
    if matches!(unsigned.to_ascii_lowercase().as_str(), "inf" | "infinity") {
        return Some(sign(f64::INFINITY));
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let digits = without_underscores(unsigned)?;
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => self::hexadecimal(hexadecimal)?,
        // Go knows no other words.
        None if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => digits.parse().ok()?,
        None => return None,
    };
    number.is_finite().then(|| sign(number))
}

/// The text without its underscores, which have to stand between digits, or behind a base.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let is_hexadecimal = text.len() >= 2 && text.is_char_boundary(2) && text[..2].eq_ignore_ascii_case("0x");
    let is_digit = |letter: u8| letter.is_ascii_digit() || is_hexadecimal && letter.is_ascii_hexdigit();
    let bytes = text.as_bytes();
    let is_right = |(at, _): (usize, &u8)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied();
        let is_behind_base = is_hexadecimal && at == 2;
        is_behind_base || before.is_some_and(is_digit) && bytes.get(at + 1).copied().is_some_and(is_digit)
    };
    let mut underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores.all(is_right).then(|| text.replace('_', ""))
}

/// A number in hexadecimal digits, with its exponent of two: `1.8p3`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    Some(number * 2.0_f64.powi(exponent.saturating_sub(places.saturating_mul(4))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        for (text, number) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("1_000", 1000.0),
            ("0x1p4", 16.0),
            ("0x1.8p1", 3.0),
            ("-Inf", f64::NEG_INFINITY),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", ".", "1e", "0x10", "1__0", "_1", "1_", "1e400", "+nan", "infinite", "1 ", "٣"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
