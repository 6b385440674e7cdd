//! Writes TOML as BurntSushi's encoder does.

use std::fmt::Write;
use std::sync::Arc;

use cowherd_template::{Text, Value, format};

use crate::functions::call::limits::{TooDeep, deeper};
use crate::functions::call::measure::Measure;
use crate::functions::dates::layout;
use crate::functions::dates::time::{Time, Zone};
use crate::functions::formats::json::writer as json;

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeError {
    /// It is no table.
    #[error("toml: top-level values must be Go maps or structs")]
    NoTable,
    /// A list holds nil.
    #[error("toml: cannot encode array with nil element")]
    NilItem,
    /// A type that TOML does not have.
    #[error("unsupported type: {0}")]
    Type(String),
    /// It goes too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// It is too large.
    #[error(transparent)]
    TooLarge(json::EncodeError),
}

type Result<T> = std::result::Result<T, EncodeError>;

/// The names of the zones of dates and times without one.
pub(crate) const LOCAL_DATE_TIME: &str = "datetime-local";
pub(crate) const LOCAL_DATE: &str = "date-local";
pub(crate) const LOCAL_TIME: &str = "time-local";

/// The value as a document.
pub(crate) fn encode(value: &Value) -> Result<String> {
    Measure::of(value, true).map_err(EncodeError::TooLarge)?;
    let mut writer = Writer::default();
    writer.value(&mut Vec::new(), &plain(value)?, 0)?;
    Ok(writer.out)
}

/// What is written for a value.
fn plain(value: &Value) -> Result<Value> {
    match value {
        Value::Object(object) if object.as_any().is::<Time>() || object.members().is_some() => Ok(value.clone()),
        Value::Object(object) => object.plain().ok_or_else(|| EncodeError::Type(object.type_name().to_owned())),
        Value::Bytes(bytes) => Ok(Value::list(bytes.iter().map(|byte| Value::Byte(*byte)))),
        value => Ok(value.clone()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nil,
    Table,
    Tables,
    Other,
}

fn kind(value: &Value, depth: usize) -> Result<Kind> {
    Ok(match value {
        Value::Nil => Kind::Nil,
        Value::Map(_) => Kind::Table,
        Value::Object(object) if object.members().is_some() => Kind::Table,
        Value::List(list) if !list.is_empty() => {
            let mut all_tables = true;
            for item in list.iter() {
                match deeper(depth, |depth| kind(&plain(item)?, depth))? {
                    Kind::Nil => return Err(EncodeError::NilItem),
                    Kind::Table => {}
                    _ => all_tables = false,
                }
            }
            if all_tables { Kind::Tables } else { Kind::Other }
        }
        _ => Kind::Other,
    })
}

type Key = Vec<Arc<str>>;

#[derive(Default)]
struct Writer {
    out: String,
}

impl Writer {
    /// A line break, unless nothing was written yet.
    fn line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, key: &Key) {
        self.out.extend(std::iter::repeat_n("  ", key.len().saturating_sub(1)));
    }

    fn value(&mut self, key: &mut Key, value: &Value, depth: usize) -> Result<()> {
        match (value, kind(value, depth)?) {
            (Value::Nil, _) => Ok(()),
            (_, Kind::Table) => {
                if key.len() == 1 {
                    self.line();
                }
                if !key.is_empty() {
                    self.header(key, "[", "]");
                }
                self.entries(key, value, depth)
            }
            (Value::List(items), Kind::Tables) => {
                if key.is_empty() {
                    return Err(EncodeError::NoTable);
                }
                for item in items.iter() {
                    self.line();
                    self.header(key, "[[", "]]");
                    self.entries(key, &plain(item)?, depth)?;
                }
                Ok(())
            }
            _ => {
                let Some(name) = key.last().cloned() else { return self.inline(value, depth) };
                self.indent(key);
                self.name(&name);
                self.out.push_str(" = ");
                self.inline(value, depth)?;
                self.line();
                Ok(())
            }
        }
    }

    fn header(&mut self, key: &Key, open: &str, close: &str) {
        self.indent(key);
        self.out.push_str(open);
        for (at, name) in key.iter().enumerate() {
            if at > 0 {
                self.out.push('.');
            }
            self.name(name);
        }
        self.out.push_str(close);
        self.line();
    }

    /// The entries of a table: those that are no tables first.
    fn entries(&mut self, key: &mut Key, table: &Value, depth: usize) -> Result<()> {
        for (name, value) in sorted(table, depth)?.into_iter().flatten() {
            key.push(name);
            deeper(depth, |depth| self.value(key, &value, depth))?;
            key.pop();
        }
        Ok(())
    }

    fn name(&mut self, name: &str) {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !name.is_empty() && name.chars().all(is_bare) {
            self.out.push_str(name);
        } else {
            self.quoted(name);
        }
    }

    fn inline(&mut self, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Nil => return Err(EncodeError::NilItem),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Float(number) => self.out.push_str(&float(*number)),
            Value::String(text) => self.text(text),
            Value::List(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push_str(", ");
                    }
                    deeper(depth, |depth| self.inline(&plain(item)?, depth))?;
                }
                self.out.push(']');
            }
            Value::Map(_) => self.inline_table(value, depth)?,
            Value::Object(object) if object.members().is_some() => self.inline_table(value, depth)?,
            Value::Object(object) => match object.as_any().downcast_ref::<Time>() {
                Some(time) => self.out.push_str(&date(time)),
                None => self.inline(&plain(value)?, depth)?,
            },
            other => {
                // Writing to a string cannot fail.
                let _ = write!(self.out, "{}", format::print(other));
            }
        }
        Ok(())
    }

    fn inline_table(&mut self, table: &Value, depth: usize) -> Result<()> {
        self.out.push('{');
        let [direct, tables] = sorted(table, depth)?;
        let has_tables = !tables.is_empty();
        for (entries, comma_behind) in [(direct, has_tables), (tables, false)] {
            let count = entries.len();
            for (at, (name, value)) in entries.into_iter().enumerate() {
                if value.is_nil() {
                    continue;
                }
                self.name(&name);
                self.out.push_str(" = ");
                deeper(depth, |depth| self.inline(&value, depth))?;
                if comma_behind || at + 1 < count {
                    self.out.push_str(", ");
                }
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn text(&mut self, text: &Text) {
        self.quoted(&text.to_str());
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                '\0'..' ' | '\u{7f}' => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

type Entries = Vec<(Arc<str>, Value)>;

/// The entries of a table that are no tables, and those that are.
fn sorted(table: &Value, depth: usize) -> Result<[Entries; 2]> {
    let entries = match table {
        Value::Map(map) => map.entries(),
        Value::Object(object) => {
            object.members().into_iter().flatten().map(|(name, value)| (name.into(), value)).collect()
        }
        _ => Vec::new(),
    };
    let (mut direct, mut tables) = (Vec::new(), Vec::new());
    for (name, value) in entries {
        let value = plain(&value)?;
        match kind(&value, depth)? {
            Kind::Table | Kind::Tables => tables.push((name, value)),
            _ => direct.push((name, value)),
        }
    }
    Ok([direct, tables])
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.into();
    }
    let text = format::float(number, b'g', None);
    if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
}

fn date(time: &Time) -> String {
    let name = match &time.zone {
        Zone::Fixed(name, _) => name,
        _ => "",
    };
    let format = match name {
        LOCAL_DATE_TIME => "2006-01-02T15:04:05.999999999",
        LOCAL_DATE => "2006-01-02",
        LOCAL_TIME => "15:04:05.999999999",
        _ => layout::RFC3339_NANO,
    };
    layout::format(time, format)
}
