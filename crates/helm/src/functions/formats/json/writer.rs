//! Writes values as Go's `encoding/json` does.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowherd_template::{Text, Value};

use crate::functions::call::limits::{MAX_TEXT, TooDeep, deeper};

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeError {
    /// JSON has no such number.
    #[error("json: unsupported value: {0}")]
    Number(&'static str),
    /// A type without values in JSON.
    #[error("json: unsupported type: {0}")]
    Type(String),
    /// It goes too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// It is too large.
    #[error("the value is too large to be written as text: more than {MAX_TEXT} bytes")]
    TooLarge,
}

/// How JSON is written.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Whether what is special in HTML is escaped.
    pub(crate) escapes_html: bool,
    /// Whether items stand on lines of their own.
    pub(crate) is_pretty: bool,
}

/// The value as JSON.
pub(crate) fn encode(value: &Value, style: Style) -> Result<String, EncodeError> {
    let mut writer = Writer { out: String::new(), style };
    writer.value(value, 0)?;
    Ok(writer.out)
}

/// What keeps a number out of JSON.
pub(crate) fn check_number(number: f64) -> Result<(), EncodeError> {
    match number {
        number if number.is_nan() => Err(EncodeError::Number("NaN")),
        f64::INFINITY => Err(EncodeError::Number("+Inf")),
        f64::NEG_INFINITY => Err(EncodeError::Number("-Inf")),
        _ => Ok(()),
    }
}

struct Writer {
    out: String,
    style: Style,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), EncodeError> {
        if self.out.len() > MAX_TEXT {
            return Err(EncodeError::TooLarge);
        }
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Int(number) | Value::Int64(number) => self.integer(i128::from(*number)),
            Value::Byte(number) => self.integer(i128::from(*number)),
            Value::Uint64(number) => self.integer(i128::from(*number)),
            Value::Float(number) => self.float(*number)?,
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.out.push('"');
                STANDARD.encode_string(bytes, &mut self.out);
                self.out.push('"');
            }
            Value::List(list) => {
                deeper(depth, |depth| self.all('[', ']', depth, list.iter(), |writer, item| writer.value(item, depth)))?
            }
            Value::Map(map) if map.is_nil() => self.out.push_str("null"),
            Value::Map(map) => deeper(depth, |depth| {
                self.all('{', '}', depth, map.entries().iter(), |writer, (key, item)| writer.member(key, item, depth))
            })?,
            Value::Object(object) => match (object.members(), object.plain()) {
                (Some(members), _) => deeper(depth, |depth| self.members(&members, depth))?,
                (None, Some(plain)) => deeper(depth, |depth| self.value(&plain, depth - 1))?,
                (None, None) => return Err(EncodeError::Type(object.type_name().to_owned())),
            },
        }
        Ok(())
    }

    fn members(&mut self, members: &[(&'static str, Value)], depth: usize) -> Result<(), EncodeError> {
        self.all('{', '}', depth, members.iter(), |writer, (name, member)| writer.member(name, member, depth))
    }

    fn member(&mut self, name: &str, value: &Value, depth: usize) -> Result<(), EncodeError> {
        self.string(name);
        self.out.push_str(if self.style.is_pretty { ": " } else { ":" });
        self.value(value, depth)
    }

    fn all<I>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        items: impl Iterator<Item = I>,
        mut write: impl FnMut(&mut Self, I) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.out.push(open);
        let mut is_empty = true;
        for item in items {
            if !std::mem::take(&mut is_empty) {
                self.out.push(',');
            }
            self.line(depth);
            write(self, item)?;
        }
        if !is_empty {
            self.line(depth - 1);
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.style.is_pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn integer(&mut self, number: i128) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{number}");
    }

    fn float(&mut self, number: f64) -> Result<(), EncodeError> {
        check_number(number)?;
        self.out.push_str(&float(number));
        Ok(())
    }

    fn text(&mut self, text: &Text) {
        self.out.push('"');
        for chunk in text.as_bytes().utf8_chunks() {
            self.characters(chunk.valid());
            for _ in chunk.invalid() {
                self.out.push_str("\\ufffd");
            }
        }
        self.out.push('"');
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        self.characters(text);
        self.out.push('"');
    }

    fn characters(&mut self, text: &str) {
        let mut from = 0;
        for (at, c) in text.char_indices() {
            let escape = match c {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\u{8}' => "\\b",
                '\u{c}' => "\\f",
                '\u{2028}' => "\\u2028",
                '\u{2029}' => "\\u2029",
                '<' if self.style.escapes_html => "\\u003c",
                '>' if self.style.escapes_html => "\\u003e",
                '&' if self.style.escapes_html => "\\u0026",
                '\0'..' ' => "",
                _ => continue,
            };
            self.out.push_str(text.get(from..at).unwrap_or_default());
            self.out.push_str(escape);
            if escape.is_empty() {
                let _ = write!(self.out, "\\u{:04x}", u32::from(c));
            }
            from = at + c.len_utf8();
        }
        self.out.push_str(text.get(from..).unwrap_or_default());
    }
}

/// A float with as few digits as tell it apart; very large and very small ones with an exponent.
pub(crate) fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if size < 1e-6 { text } else { text.replace('e', "e+") };
    }
    format!("{number}")
}
