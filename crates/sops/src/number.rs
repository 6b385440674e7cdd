//! Numbers as Go writes them.

/// A float in full, without an exponent: the shortest digits that tell it apart (`FormatFloat(f, 'f', -1, 64)`).
pub(crate) fn plain(value: f64) -> String {
    format!("{value}")
}

/// As `FormatFloat(f, 'g', -1, 64)`, which YAML has: with an exponent of two digits or more below 1e-4 and from 1e6 on.
pub(crate) fn shortest(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value == 0.0 || (-4..6).contains(&exponent) {
        return plain(value);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// As JSON has it in Go: an exponent below 1e-6 and from 1e21 on, without a zero before its digit.
pub(crate) fn json(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return plain(value);
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
        _ => scientific,
    }
}

/// As files of variables have it: with a fraction or an exponent, so that it is no whole number.
pub(crate) fn with_fraction(value: f64) -> String {
    let text = shortest(value).to_uppercase();
    if text.contains(['.', 'E']) { text } else { format!("{value:.1}") }
}
