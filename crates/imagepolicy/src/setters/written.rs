//! How a value is written in the place of another one.

use std::fmt::Write as _;

use cowherd_yaml::{Dialect, Plain, resolve};
use granit_parser::ScalarStyle;

/// The value, quoted as the one before was, and where it has to be; `None` in the place of a block of lines.
pub(super) fn written(value: &str, style: ScalarStyle) -> Option<String> {
    match style {
        ScalarStyle::Plain if is_plain(value) => Some(value.to_owned()),
        ScalarStyle::Plain | ScalarStyle::DoubleQuoted => Some(double_quoted(value)),
        ScalarStyle::SingleQuoted => Some(format!("'{}'", value.replace('\'', "''"))),
        _ => None,
    }
}

/// Whether a text is read as that text without quotes, whoever reads it.
fn is_plain(value: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._-/:@+".contains(&letter);
    let begins = value.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/' || first == '_');
    let is_text = [Dialect::Kubernetes, Dialect::Kustomize]
        .into_iter()
        .all(|dialect| matches!(resolve(value, dialect), Plain::Text));
    begins && value.bytes().all(is_letter) && !value.ends_with(':') && is_text
}

fn double_quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            // What a reference never has. A text takes whatever is written to it.
            letter if letter.is_control() => drop(write!(text, "\\u{:04x}", u32::from(letter))),
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_quotes_and_gets_some_where_it_would_be_no_text() {
        for (value, style, expected) in [
            ("nginx:1.25", ScalarStyle::Plain, "nginx:1.25"),
            ("1.25", ScalarStyle::Plain, "\"1.25\""),
            ("on", ScalarStyle::Plain, "\"on\""),
            ("2024-01-02", ScalarStyle::Plain, "\"2024-01-02\""),
            ("", ScalarStyle::Plain, "\"\""),
            ("1.2.3", ScalarStyle::Plain, "1.2.3"),
            ("1.25", ScalarStyle::SingleQuoted, "'1.25'"),
            ("a\"b", ScalarStyle::DoubleQuoted, "\"a\\\"b\""),
        ] {
            assert_eq!(written(value, style).as_deref(), Some(expected));
        }
        assert_eq!(written("x", ScalarStyle::Literal), None);
    }
}
