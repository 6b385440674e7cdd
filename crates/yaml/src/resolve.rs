//! What a plain scalar means.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::{number, timestamp};

/// Whose reading of a plain scalar counts. They differ in a few words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As kustomize reads resources (go-yaml v3): `yes`, `no`, `on` and `off` are texts, timestamps are put in the
    /// form of RFC 3339. A key that stands twice in a mapping is an error.
    #[default]
    Kustomize,
    /// As kubectl and kustomization files are read (sigs.k8s.io/yaml, go-yaml v2): `yes`, `no`, `on`, `off`, `y` and
    /// `n` are booleans, timestamps stay as they were written. Of a key that stands twice the last value counts.
    Kubernetes,
    /// As `Kubernetes`, for what is read into fields with types: a float stays one even if it is whole, so that one can
    /// tell `1e6` from `1000000`.
    Typed,
}

/// What a plain scalar resolves to.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(Number),
    /// Another number.
    Float(f64),
    /// Infinite, or not a number.
    NotJson,
    /// A time, in the form of RFC 3339.
    Timestamp(String),
    /// The text itself.
    Text,
}

impl Plain {
    /// The value; `text` is what was written.
    pub(crate) fn into_value(self, text: &str, dialect: Dialect) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(number) => Value::Number(number),
            Self::Float(value) if dialect == Dialect::Typed => {
                Number::from_f64(value).map_or(Value::Null, Value::Number)
            }
            Self::Float(value) => number::json(value),
            Self::NotJson => return None,
            Self::Timestamp(canonical) if dialect == Dialect::Kustomize => Value::String(canonical),
            Self::Timestamp(_) | Self::Text => Value::String(text.to_owned()),
        })
    }
}

/// What the plain scalar `text` means.
pub fn resolve(text: &str, dialect: Dialect) -> Plain {
    let Some(&first) = text.as_bytes().first() else {
        return Plain::Null;
    };
    match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => word(text, dialect),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" => Plain::NotJson,
            _ => fraction(text),
        },
        b'0'..=b'9' | b'+' | b'-' => numeric(text),
        _ => Plain::Text,
    }
}

fn word(text: &str, dialect: Dialect) -> Plain {
    match text {
        "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ if dialect == Dialect::Kustomize => Plain::Text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::Bool(false),
        _ => Plain::Text,
    }
}

/// What begins with a point. Underscores stand here as in Go's own numbers, each between two digits; in what begins with a
/// digit or a sign they stand anywhere.
fn fraction(text: &str) -> Plain {
    let mut parts = text.split('_');
    let ends = |part: &str| part.ends_with(|c: char| c.is_ascii_digit());
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        if !ends(before) || !begins(part) {
            return Plain::Text;
        }
        before = part;
    }
    number::float(&without_underscores(text)).map_or(Plain::Text, Plain::Float)
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') { text.replace('_', "").into() } else { text.into() }
}

fn numeric(text: &str) -> Plain {
    if matches!(text, "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF") {
        return Plain::NotJson;
    }
    if let Some(canonical) = timestamp::rfc3339(text) {
        return Plain::Timestamp(canonical);
    }
    let digits = without_underscores(text);
    match number::integer(&digits) {
        Some(number) => Plain::Integer(number),
        None => number::float(&digits).map_or(Plain::Text, Plain::Float),
    }
}

/// Whether `text` is written as a number in base 60, which YAML 1.1 had.
pub(crate) fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) || !unsigned.contains(':') {
        return false;
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && parts.all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_mean_what_kustomize_and_kubectl_take_them_for() {
        let cases = [
            ("yes", json!("yes"), json!(true)),
            ("n", json!("n"), json!(false)),
            ("0777", json!(511), json!(511)),
            ("1_000", json!(1000), json!(1000)),
            ("1.0", json!(1), json!(1)),
            ("1e3", json!(1000), json!(1000)),
            (".5", json!(0.5), json!(0.5)),
            ("09", json!(9), json!(9)),
            ("1:30", json!("1:30"), json!("1:30")),
            ("2001-01-01", json!("2001-01-01T00:00:00Z"), json!("2001-01-01")),
            ("-0", json!(0), json!(0)),
            ("0b2", json!("0b2"), json!("0b2")),
            ("_1", json!("_1"), json!("_1")),
            ("._5", json!("._5"), json!("._5")),
            (".2_3", json!(0.23), json!(0.23)),
            (".5_e1", json!(".5_e1"), json!(".5_e1")),
            ("1e400", json!("1e400"), json!("1e400")),
            ("18446744073709551616", json!(18446744073709551616.0), json!(18446744073709551616.0)),
            ("<<", json!("<<"), json!("<<")),
            ("", json!(null), json!(null)),
        ];
        for (text, kustomize, kubernetes) in cases {
            for (dialect, expected) in [(Dialect::Kustomize, kustomize), (Dialect::Kubernetes, kubernetes)] {
                assert_eq!(resolve(text, dialect).into_value(text, dialect), Some(expected), "{text} {dialect:?}");
            }
        }
        let float = |text| resolve(text, Dialect::Typed).into_value(text, Dialect::Typed).unwrap().is_f64();
        assert!(float("1e6") && float("1.0") && !float("1000000"));
        assert_eq!(resolve(".inf", Dialect::Kustomize).into_value(".inf", Dialect::Kustomize), None);
    }

    #[test]
    fn base_60_is_recognized() {
        assert!(["1:30", "-1:30", "190:20:30.15", "12:30:45", "1_0:59"].into_iter().all(is_base_60));
        assert!(!["1", "1:60", "a:10", "1:300", ":10", "1:"].into_iter().any(is_base_60));
    }
}
