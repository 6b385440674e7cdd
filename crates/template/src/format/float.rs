//! Floating point numbers as text: `strconv.FormatFloat`.

/// No double has more digits than this behind its first one or its point; what is asked for beyond are zeros.
const MAX_DIGITS: usize = 1100;

/// `strconv.FormatFloat(number, verb, precision, 64)` for the verbs `b`, `e`, `E`, `f`, `F`, `g`, `G`, `x` and `X`.
/// Without a precision it gives the fewest digits that mean the number.
pub fn float(number: f64, verb: u8, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let magnitude = number.abs();
    let text = match verb {
        b'e' | b'E' => scientific(magnitude, verb, precision),
        b'g' | b'G' => general(magnitude, verb, precision),
        b'x' | b'X' => hexadecimal(magnitude, verb, precision),
        b'b' => binary(magnitude),
        _ => positional(magnitude, precision),
    };
    if number.is_sign_negative() { format!("-{text}") } else { text }
}

/// `1234.5`
fn positional(number: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else { return number.to_string() };
    let exact = precision.min(MAX_DIGITS);
    let mut text = format!("{number:.exact$}");
    zeros(precision - exact, &mut text);
    text
}

/// `1.2345e+03`
fn scientific(number: f64, verb: u8, precision: Option<usize>) -> String {
    let (mut mantissa, exponent) = significant(number, precision);
    if let Some(precision) = precision {
        zeros(precision.saturating_sub(MAX_DIGITS), &mut mantissa);
    }
    with_exponent(mantissa, verb, exponent)
}

/// The first digit, the point, `precision` digits more or as many as are needed; and the power of ten.
fn significant(number: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{number:.*e}", precision.min(MAX_DIGITS)),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or_default())
}

fn with_exponent(mut mantissa: String, verb: u8, exponent: i32) -> String {
    mantissa.push(char::from(verb));
    mantissa.push(if exponent < 0 { '-' } else { '+' });
    mantissa.push_str(&format!("{:02}", exponent.unsigned_abs()));
    mantissa
}

fn zeros(count: usize, text: &mut String) {
    text.extend(std::iter::repeat_n('0', count));
}

/// Positional, or scientific for exponents below -4 and from the precision on.
fn general(number: f64, verb: u8, precision: Option<usize>) -> String {
    let precision = precision.map(|precision| precision.max(1));
    let (mut mantissa, exponent) = significant(number, precision.map(|precision| precision - 1));
    if mantissa.contains('.') {
        mantissa.truncate(mantissa.trim_end_matches('0').trim_end_matches('.').len());
    }
    // Where there is no precision, 6 decides.
    let limit = precision.unwrap_or(6).try_into().unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        return with_exponent(mantissa, verb + b'e' - b'g', exponent);
    }
    let digits = mantissa.replace('.', "");
    if exponent < 0 {
        let mut text = String::from("0.");
        zeros(usize::try_from(-exponent - 1).unwrap_or_default(), &mut text);
        return text + &digits;
    }
    let integer = usize::try_from(exponent).unwrap_or_default() + 1;
    match digits.split_at_checked(integer) {
        Some((integer, "")) => integer.to_owned(),
        Some((integer, fraction)) => format!("{integer}.{fraction}"),
        None => {
            let mut text = digits;
            zeros(integer - text.len(), &mut text);
            text
        }
    }
}

/// The mantissa as an integer of up to 53 bits, and the power of two that it is to be multiplied with.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

/// `4503599627370496p-52`
fn binary(number: f64) -> String {
    let (mantissa, exponent) = parts(number);
    format!("{mantissa}p{exponent:+}")
}

/// `0x1.8p+01`
fn hexadecimal(number: f64, verb: u8, precision: Option<usize>) -> String {
    let (mantissa, mut exponent) = parts(number);
    let mut fraction: u64 = 0;
    let mut first = 0;
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The first bit before the point, and the others as fifteen hexadecimal digits behind it.
        let shift = mantissa.leading_zeros() - 3;
        let shifted = mantissa << shift;
        exponent += 60 - i32::try_from(shift).unwrap_or_default();
        let rounded = round_digits(shifted, precision);
        exponent += i32::from(rounded >> 61 == 1);
        first = 1;
        fraction = if rounded >> 61 == 1 { 0 } else { rounded & ((1 << 60) - 1) };
    }
    let mut digits = format!("{fraction:015x}");
    match precision {
        None => digits.truncate(digits.trim_end_matches('0').len()),
        Some(precision) => {
            digits.truncate(precision);
            zeros(precision - digits.len(), &mut digits);
        }
    }
    let point = if digits.is_empty() { "" } else { "." };
    let text =
        format!("0x{first}{point}{digits}p{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
    if verb == b'X' { text.to_ascii_uppercase() } else { text }
}

/// A mantissa with sixty bits behind the point, rounded to `precision` hexadecimal digits, ties to even.
fn round_digits(mantissa: u64, precision: Option<usize>) -> u64 {
    let Some(precision) = precision.filter(|precision| *precision < 15) else { return mantissa };
    let dropped = 60 - 4 * precision;
    let (kept, rest) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
    let half = 1 << (dropped - 1);
    let up = rest > half || rest == half && kept & 1 == 1;
    (kept + u64::from(up)) << dropped
}
