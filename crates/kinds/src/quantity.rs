//! Amounts such as `500m`, `1Gi` and `1e3`: reading, comparing, and the one proper way to write each.

use std::cmp::Ordering;

use serde_json::Value;

/// How an amount was written, which decides how it is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `m`, `k`, `M`…
    Decimal,
    /// `Ki`, `Mi`…
    Binary,
    /// `e3`, `E-6`…
    Exponent,
}

/// An amount, exact to a billionth.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

const NANO: i128 = 1_000_000_000;
/// Larger amounts are cut to this, as Kubernetes cuts them: 2^63-1.
const LARGEST: i128 = i64::MAX as i128 * NANO;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, format: Format::Decimal };

    /// Reads an amount; `None` when the text is none. Digits below a billionth are rounded up.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let (format, exponent, factor) = read_suffix(suffix)?;
        let nanos = scale(whole, fraction, exponent, factor);
        Some(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// Reads an amount from JSON, where plain numbers are amounts too.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text.trim()),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// The amount in thousandths, rounded up.
    pub fn milli(&self) -> i128 {
        div_ceil(self.nanos, NANO / 1000)
    }

    /// The amount in whole units, rounded up.
    pub fn units(&self) -> i128 {
        div_ceil(self.nanos, NANO)
    }

    /// Whether it is less than nothing.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        self.nanos % NANO == 0
    }
}

fn read_suffix(suffix: &str) -> Option<(Format, i32, i128)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((Format::Decimal, *exponent, 1));
    }
    if let Some(index) = BINARY.iter().position(|name| *name == suffix) {
        return Some((Format::Binary, 0, 1024_i128.pow(u32::try_from(index).ok()? + 1)));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    Some((Format::Exponent, exponent, 1))
}

/// The digits as billionths, rounded up and cut to the largest amount.
fn scale(whole: &str, fraction: &str, exponent: i32, factor: i128) -> i128 {
    let mut nanos: i128 = 0;
    // The position of a digit: 0 for ones, 1 for tens, -1 for tenths.
    let start = i32::try_from(whole.len()).unwrap_or(i32::MAX);
    let mut rounded = false;
    for (index, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let digit = i128::from(digit.saturating_sub(b'0'));
        if digit == 0 {
            continue;
        }
        let position = start.saturating_sub(1).saturating_sub(i32::try_from(index).unwrap_or(i32::MAX));
        let power = position.saturating_add(exponent).saturating_add(9);
        let Ok(power) = u32::try_from(power) else {
            // Below a billionth. A factor of 1024 could lift it again, but Kubernetes has no such use.
            rounded = true;
            continue;
        };
        let value = 10_i128.checked_pow(power).and_then(|unit| unit.checked_mul(digit));
        let Some(sum) = value.and_then(|value| nanos.checked_add(value)) else { return LARGEST };
        nanos = sum;
    }
    let Some(nanos) = nanos.checked_mul(factor) else { return LARGEST };
    (nanos + i128::from(rounded)).min(LARGEST)
}

fn div_ceil(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    if value % by > 0 { quotient + 1 } else { quotient }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let format = if self.nanos == 0 { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_add(other.nanos).clamp(-LARGEST, LARGEST), format }
    }
}

/// Writes the amount in its canonical form: no fraction, no more digits than needed, the largest suffix that fits.
impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let small = self.nanos.abs() < 1024 * NANO;
        if self.format == Format::Binary && !small {
            let mut units = self.units();
            let mut suffix = "";
            for name in BINARY {
                if units % 1024 != 0 {
                    break;
                }
                units /= 1024;
                suffix = name;
            }
            return write!(f, "{units}{suffix}");
        }
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let (mut amount, mut index) = (self.nanos, 0);
        while amount % 1000 == 0 && index + 1 < DECIMAL.len() {
            amount /= 1000;
            index += 1;
        }
        let (suffix, exponent) = DECIMAL[index];
        match self.format {
            Format::Exponent if exponent == 0 => write!(f, "{amount}"),
            Format::Exponent => write!(f, "{amount}e{exponent}"),
            _ => write!(f, "{amount}{suffix}"),
        }
    }
}

/// Writes the amount in the field in its canonical form; what is no amount stays for validation to refuse.
pub(crate) fn canonicalize(value: &mut Value) {
    if let Some(quantity) = Quantity::read(value) {
        *value = Value::String(quantity.to_string());
    }
}

/// The same for every value of a map of resources.
pub(crate) fn canonicalize_map(map: Option<&mut Value>) {
    for value in map.and_then(Value::as_object_mut).into_iter().flat_map(serde_json::Map::values_mut) {
        canonicalize(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_canonically() {
        for (text, canonical) in [
            ("0", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            (".1", "100m"),
            ("1.", "1"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1e3", "1e3"),
            ("1E", "1E"),
            ("100e-3", "100e-3"),
            ("-1.5", "-1500m"),
            ("0.0000000001", "1n"),
            ("+3G", "3G"),
            ("99999999999E", "9223372036854775807"),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(quantity.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1 Gi", "1gi", "1e", "abc", "Gi", "1K", "1Mib", "é"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn amounts_compare_by_what_they_are() {
        let read = |text| Quantity::parse(text).expect(text);
        assert_eq!(read("1Gi"), read("1024Mi"));
        assert!(read("1G") < read("1Gi"));
        assert!(read("999m") < read("1"));
        assert_eq!(read("1.0001").milli(), 1001);
    }
}
