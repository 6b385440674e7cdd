//! Functions that write and read TOML.

mod writer;

use cowherd_template::{Fault, Function, List, Map, Type, Value};
use toml_edit::{Date, Datetime, DocumentMut, Item, Offset, TableLike, TomlError};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, NO_TYPE, Outcome, any, string};
use crate::functions::call::limits::{TooDeep, deeper};
use crate::functions::dates::time::{Time, Zone, days_since_1970};
use writer::{EncodeError, LOCAL_DATE, LOCAL_DATE_TIME, LOCAL_TIME, encode};

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("toToml", &[Type::Any], to_toml),
        Function::new("fromToml", &[Type::String], |_, given| Ok(Value::Map(parse(&string(given, 0))?))),
    ]
    .into_iter()
}

/// Helm gives the error as the text. What is too much is an error all the same.
fn to_toml(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let value = any(arguments, 0);
    if value.is_nil() {
        return Err(NO_TYPE.into());
    }
    match encode(value) {
        Ok(text) => Ok(Value::from(text)),
        Err(error @ (EncodeError::TooDeep(_) | EncodeError::TooLarge(_))) => Err(Fault::Message(error.to_string())),
        Err(error) => Ok(Value::from(error.to_string())),
    }
}

/// The table that a text says; an error stands in it.
fn parse(text: &str) -> Result<Map, Fault> {
    match text.parse::<DocumentMut>() {
        Ok(document) => Ok(table(document.as_table(), 0)?),
        Err(error) => Ok([("Error".into(), Value::from(message(text, &error)))].into_iter().collect()),
    }
}

/// The error in the form that Go's parser has.
fn message(text: &str, error: &TomlError) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    format!("toml: line {line}: {}", error.message().replace('\n', ", "))
}

fn table(table: &dyn TableLike, depth: usize) -> Result<Map, TooDeep> {
    let entries = table.iter().map(|(name, item)| Ok((name.into(), self::item(item, depth)?)));
    entries.collect()
}

fn item(item: &Item, depth: usize) -> Result<Value, TooDeep> {
    match item {
        Item::None => Ok(Value::Nil),
        Item::Value(value) => self::value(value, depth),
        Item::Table(inner) => deeper(depth, |depth| table(inner, depth).map(Value::Map)),
        Item::ArrayOfTables(tables) => deeper(depth, |depth| {
            let tables =
                tables.iter().map(|inner| table(inner, depth).map(Value::Map)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::List(List::of("map[string]interface {}", tables)))
        }),
    }
}

fn value(value: &toml_edit::Value, depth: usize) -> Result<Value, TooDeep> {
    use toml_edit::Value as Toml;
    Ok(match value {
        Toml::String(text) => Value::from(text.value().as_str()),
        Toml::Integer(number) => Value::Int64(*number.value()),
        Toml::Float(number) => Value::Float(*number.value()),
        Toml::Boolean(value) => Value::Bool(*value.value()),
        Toml::Datetime(datetime) => date(datetime.value()).into_value(),
        Toml::Array(items) => deeper(depth, |depth| {
            items.iter().map(|item| self::value(item, depth)).collect::<Result<Vec<_>, _>>().map(Value::list)
        })?,
        Toml::InlineTable(inner) => deeper(depth, |depth| table(inner, depth).map(Value::Map))?,
    })
}

fn date(datetime: &Datetime) -> Time {
    let Date { year, month, day } = datetime.date.unwrap_or(Date { year: 0, month: 1, day: 1 });
    let days = days_since_1970(i64::from(year), i64::from(month), i64::from(day));
    let clock = datetime.time.map_or(0, |time| {
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
    });
    let nanoseconds = datetime.time.and_then(|time| time.nanosecond).unwrap_or(0);
    let (offset, zone) = match datetime.offset {
        Some(Offset::Z) => (0, Zone::Utc),
        Some(Offset::Custom { minutes }) => (i64::from(minutes) * 60, Zone::Fixed("".into(), i32::from(minutes) * 60)),
        None => {
            let name = match (datetime.date, datetime.time) {
                (Some(_), Some(_)) => LOCAL_DATE_TIME,
                (Some(_), None) => LOCAL_DATE,
                _ => LOCAL_TIME,
            };
            (0, Zone::Fixed(name.into(), 0))
        }
    };
    Time { seconds: days * 86_400 + clock - offset, nanoseconds, zone }
}
