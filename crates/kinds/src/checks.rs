//! Checks of single fields that many kinds share, worded as Kubernetes words them.

use cowherd_schema::{ErrorKind, FieldError, FieldPath};
use serde_json::Value;

use crate::json::{Read, same};
use crate::names;
use crate::quantity::Quantity;

pub(crate) use crate::errors::Errors;

/// A field that must hold a text; returns the text when it does.
pub(crate) fn required<'a>(object: &'a Value, name: &str, path: &FieldPath, errors: &mut Errors) -> Option<&'a str> {
    let text = object.text(name);
    if text.is_empty() {
        errors.push(FieldError::required(&path.child(name), ""));
        return None;
    }
    Some(text)
}

/// Reports each of the reasons why a text is refused.
pub(crate) fn refuse(text: &str, path: &FieldPath, reasons: Vec<String>, errors: &mut Errors) {
    errors.extend(reasons.into_iter().map(|why| FieldError::invalid(path, text, why)));
}

/// A field that must hold a text of a certain form.
pub(crate) fn required_form(
    object: &Value,
    name: &str,
    path: &FieldPath,
    form: fn(&str) -> Vec<String>,
    errors: &mut Errors,
) {
    if let Some(text) = required(object, name, path, errors) {
        refuse(text, &path.child(name), form(text), errors);
    }
}

/// A field that, when it holds a text, must hold one of a certain form.
pub(crate) fn optional_form(
    object: &Value,
    name: &str,
    path: &FieldPath,
    form: fn(&str) -> Vec<String>,
    errors: &mut Errors,
) {
    let text = object.text(name);
    if !text.is_empty() {
        refuse(text, &path.child(name), form(text), errors);
    }
}

/// A field that must hold one of these texts.
pub(crate) fn one_of(object: &Value, name: &str, path: &FieldPath, allowed: &[&str], errors: &mut Errors) {
    if let Some(text) = required(object, name, path, errors) {
        optional_one_of(text, &path.child(name), allowed, errors);
    }
}

/// A text that, unless empty, must be one of these.
pub(crate) fn optional_one_of(text: &str, path: &FieldPath, allowed: &[&str], errors: &mut Errors) {
    if !text.is_empty() && !allowed.contains(&text) {
        errors.push(not_supported(path, text, allowed));
    }
}

/// A text outside the list of those allowed, which is shown in the order given.
pub(crate) fn not_supported(path: &FieldPath, text: &str, allowed: &[&str]) -> FieldError {
    let allowed: Vec<String> = allowed.iter().map(|text| format!("{text:?}")).collect();
    let detail = format!("supported values: {}", allowed.join(", "));
    FieldError::new(ErrorKind::NotSupported, path, Some(text.into()), detail)
}

/// Fields that must not hold numbers below zero.
pub(crate) fn not_negative(object: &Value, names: &[&str], path: &FieldPath, errors: &mut Errors) {
    for name in names {
        if object[*name].as_f64().is_some_and(|number| number < 0.0) {
            let value = object[*name].clone();
            errors.push(FieldError::invalid(&path.child(name), value, "must be greater than or equal to 0"));
        }
    }
}

/// A number that must be one of a TCP or UDP port.
pub(crate) fn port_number(number: i64, path: &FieldPath, errors: &mut Errors) {
    if !(1..=65535).contains(&number) {
        errors.push(FieldError::invalid(path, number, "must be between 1 and 65535, inclusive"));
    }
}

/// A port by number or name.
pub(crate) fn port(value: &Value, path: &FieldPath, errors: &mut Errors) {
    match value {
        Value::String(name) => refuse(name, path, names::port_name(name), errors),
        other => port_number(other.as_i64().unwrap_or_default(), path, errors),
    }
}

/// A count or a percentage, such as `3` or `25%`.
pub(crate) fn count_or_percent(value: &Value, path: &FieldPath, errors: &mut Errors) {
    match value {
        Value::String(text) if percent(text).is_none() => {
            let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                       '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid(path, text.as_str(), why));
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| number < 0.0) => {
            errors.push(FieldError::invalid(path, value.clone(), "must be greater than or equal to 0"));
        }
        _ => {}
    }
}

/// A percentage of up to a hundred, or a count.
pub(crate) fn at_most_hundred_percent(value: &Value, path: &FieldPath, errors: &mut Errors) {
    if value.as_str().and_then(percent).is_some_and(|percent| percent > 100) {
        errors.push(FieldError::invalid(path, value.clone(), "must not be greater than 100%"));
    }
}

/// The number before the `%`.
pub(crate) fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Whether a count or percentage is nothing.
pub(crate) fn is_none_at_all(value: &Value) -> bool {
    match value {
        Value::String(text) => percent(text) == Some(0),
        other => other.as_i64().unwrap_or_default() == 0,
    }
}

/// A field that may not change.
pub(crate) fn immutable(new: &Value, old: &Value, path: &FieldPath, errors: &mut Errors) {
    if !same(new, old) {
        errors.push(FieldError::invalid(path, new.clone(), "field is immutable"));
    }
}

/// An amount that may not be below zero.
pub(crate) fn quantity(value: &Value, path: &FieldPath, errors: &mut Errors) -> Option<Quantity> {
    let Some(quantity) = Quantity::read(value) else {
        let why = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        errors.push(FieldError::invalid(path, value.clone(), why));
        return None;
    };
    if quantity.is_negative() {
        errors.push(FieldError::invalid(path, quantity.to_string(), "must be greater than or equal to 0"));
    }
    Some(quantity)
}

/// An IP address, v4 or v6.
pub(crate) fn ip_address(text: &str, path: &FieldPath, errors: &mut Errors) {
    if text.parse::<std::net::IpAddr>().is_err() {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(FieldError::invalid(path, text, why));
    }
}

/// An IP range such as `10.0.0.0/8`; returns the address and the length of its prefix.
pub(crate) fn cidr(text: &str, path: &FieldPath, errors: &mut Errors) -> Option<(std::net::IpAddr, u8)> {
    let parsed = text.split_once('/').and_then(|(address, length)| {
        let address: std::net::IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
    });
    if parsed.is_none() {
        errors.push(FieldError::invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
    }
    parsed
}

#[cfg(test)]
pub(crate) fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}
