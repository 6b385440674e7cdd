//! Durations as Go's `time` package writes and reads them, and with it whatever is written in Go: `1h2m0.5s`.
//!
//! A duration is a number of nanoseconds, as `time.Duration` is.
//!
//! ```
//! assert_eq!(cowherd_duration::parse("1h30m"), Ok(5_400 * cowherd_duration::SECOND));
//! assert_eq!(cowherd_duration::print(1_500_000), "1.5ms");
//! ```

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not numbers with units, or more than 64 bits of nanoseconds.
    #[error("invalid duration")]
    Invalid,
    /// A number stands without a unit.
    #[error("missing unit in duration")]
    MissingUnit,
    /// A unit that Go does not know.
    #[error("unknown unit {0:?} in duration")]
    UnknownUnit(String),
}

/// `time.Duration.String`: the text of so many nanoseconds.
pub fn print(nanoseconds: i64) -> String {
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

/// `time.ParseDuration`: the nanoseconds that a text says.
///
/// # Errors
/// When Go refuses the text, for the same reason.
pub fn parse(text: &str) -> Result<i64, ParseError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(ParseError::Invalid);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, next) = first_part(rest)?;
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or(ParseError::Invalid)?;
        rest = next;
    }
    match negative {
        true => 0_i64.checked_sub_unsigned(total).ok_or(ParseError::Invalid),
        false => i64::try_from(total).map_err(|_| ParseError::Invalid),
    }
}

/// The nanoseconds of the first number and its unit, and what follows them.
fn first_part(text: &str) -> Result<(u64, &str), ParseError> {
    let (whole, after_whole) = digits(text);
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after) => digits(after),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseError::Invalid);
    }
    let end = after_number.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after_number.len());
    let (name, next) = after_number.split_at(end);
    if name.is_empty() {
        return Err(ParseError::MissingUnit);
    }
    let unit = unit(name).ok_or_else(|| ParseError::UnknownUnit(name.to_owned()))?;
    Ok((amount(whole, fraction, unit).ok_or(ParseError::Invalid)?, next))
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
        assert_eq!(parse("1"), Err(ParseError::MissingUnit));
        assert_eq!(parse("1x"), Err(ParseError::UnknownUnit("x".into())));
        for text in ["", "-", ".s", "x", "9999999h"] {
            assert_eq!(parse(text), Err(ParseError::Invalid), "{text}");
        }
    }
}
