//! Scalars as texts, and texts as scalars.

use std::borrow::Cow;

use cowherd_yaml::{Limits, parse_documents};
use serde_json::{Number, Value};

/// The text of a scalar as it would be written; empty for what is none.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        Value::Null => Cow::Borrowed("null"),
        Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
    }
}

/// What `text` means where it stands unquoted: `5` is a number, `true` a boolean.
pub(crate) fn plain(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    // Only these begin what is no text; a timestamp is one, in a form of its own.
    if !text.starts_with(['+', '-', '.', 't', 'T', 'f', 'F', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        return text.into();
    }
    let read = parse_documents(text.as_bytes(), &Limits::default()).ok();
    match read.and_then(|documents| documents.into_iter().next()).map(|document| document.value) {
        Some(value @ (Value::Bool(_) | Value::Number(_))) if !text.contains('\n') => value,
        Some(value @ Value::String(_)) if text.starts_with(|c: char| c.is_ascii_digit()) => value,
        _ => text.into(),
    }
}

/// Puts `text` in the place of the scalar `value`, which stays of its type.
pub(crate) fn retext(value: &mut Value, text: &str) -> Result<(), String> {
    let new = match value {
        Value::String(_) => Value::String(text.to_owned()),
        _ => plain(text),
    };
    let fits = match (&*value, &new) {
        (Value::Number(old), Value::Number(new)) => old.is_f64() || !new.is_f64(),
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    if !fits {
        // Either may be of a Secret, and this is shown to whoever may read conditions.
        let kind = match value {
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a number",
            Value::Number(_) => "a whole number",
            _ => "null",
        };
        return Err(format!("cannot put a text that is something else in the place of {kind}"));
    }
    *value = new;
    Ok(())
}

/// Makes of all numbers in `value` what JSON makes of them, to which all numbers are floats: beyond 2^53 they lose digits.
pub(crate) fn round(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(map) => map.values_mut().for_each(round),
        Value::Number(number) if !number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            // Digits are those that tell the float apart, filled up with zeros.
            let digits = format!("{float}");
            let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
            if let Some(rounded) = whole.ok().or_else(|| Number::from_f64(float)) {
                *number = rounded;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_texts_mean_what_yaml_says() {
        for (text, value) in [
            ("5", json!(5)),
            ("-1.5", json!(-1.5)),
            ("true", json!(true)),
            ("", json!(null)),
            ("a: b", json!("a: b")),
            ("no", json!("no")),
            ("'5'", json!("'5'")),
            ("- 5", json!("- 5")),
            ("1\n", json!("1\n")),
            ("1.2.3", json!("1.2.3")),
        ] {
            assert_eq!(plain(text), value, "{text:?}");
        }
    }

    #[test]
    fn numbers_that_were_floats_lose_digits() {
        let mut value = json!([12345678901234567890_u64, {"a": -9007199254740993_i64}, 1.5, 7, u64::MAX, "1"]);
        round(&mut value);
        assert_eq!(
            value,
            json!([12345678901234567000_u64, {"a": -9007199254740992_i64}, 1.5, 7, 18446744073709552000.0, "1"])
        );
    }

    #[test]
    fn a_text_takes_the_type_of_what_it_replaces() {
        let retexted = |mut value: Value, text: &str| retext(&mut value, text).map(|()| value);
        assert_eq!(retexted(json!("a"), "5"), Ok(json!("5")));
        assert_eq!(retexted(json!(1), "5"), Ok(json!(5)));
        assert_eq!(retexted(json!(true), "false"), Ok(json!(false)));
        assert!(retexted(json!(true), "1").is_err());
        let error = retexted(json!(51234), "hunter2").unwrap_err();
        assert_eq!(error, "cannot put a text that is something else in the place of a whole number");
    }
}
