//! Durations as templates see them.

use std::any::Any;
use std::rc::Rc;

use cowherd_duration::{HOUR, MINUTE, ParseError, SECOND, print};
use cowherd_template::{Kind, Object, Value};

use crate::functions::call::arguments::NIL_POINTER;

/// `time.ParseDuration`: nanoseconds, or what is wrong in Go's words.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let quoted = |text: &str| cowherd_template::format::quote(text.as_bytes());
    cowherd_duration::parse(text).map_err(|error| match error {
        ParseError::Invalid => format!("time: invalid duration {}", quoted(text)),
        ParseError::MissingUnit => format!("time: missing unit in duration {}", quoted(text)),
        ParseError::UnknownUnit(unit) => format!("time: unknown unit {} in duration {}", quoted(&unit), quoted(text)),
    })
}

/// A `time.Duration` as templates see it.
pub(crate) struct Duration(pub(crate) i64);

impl Object for Duration {
    fn type_name(&self) -> &str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn has_method(&self, name: &str) -> bool {
        matches!(
            name,
            "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "String" | "Abs"
        )
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let result = match name {
            "Hours" => Value::Float(self.0 as f64 / HOUR as f64),
            "Minutes" => Value::Float(self.0 as f64 / MINUTE as f64),
            "Seconds" => Value::Float(self.0 as f64 / SECOND as f64),
            "Milliseconds" => Value::Int64(self.0 / 1_000_000),
            "Microseconds" => Value::Int64(self.0 / 1_000),
            "Nanoseconds" => Value::Int64(self.0),
            "String" => Value::from(print(self.0)),
            "Abs" => Value::Object(Rc::new(Self(self.0.saturating_abs()))),
            _ => return None,
        };
        Some(no_arguments(name, arguments).map(|()| result))
    }

    fn print(&self) -> String {
        print(self.0)
    }

    fn is_true(&self) -> bool {
        self.0 != 0
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::Int64(self.0))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| other.0 == self.0))
    }
}

/// Refuses arguments to a method that takes none.
pub(crate) fn no_arguments(name: &str, arguments: &[Value]) -> Result<(), String> {
    wanted_arguments(name, arguments, 0)
}

/// Refuses another number of arguments than a method takes.
pub(crate) fn wanted_arguments(name: &str, arguments: &[Value], count: usize) -> Result<(), String> {
    if arguments.len() == count {
        return Ok(());
    }
    Err(format!("wrong number of args for {name}: want {count} got {}", arguments.len()))
}

/// The object of a type that a method takes as its only argument.
pub(crate) fn object<'v, T: 'static>(name: &str, type_name: &str, arguments: &'v [Value]) -> Result<&'v T, String> {
    wanted_arguments(name, arguments, 1)?;
    let found = match arguments.first() {
        Some(Value::Object(object)) => object.as_any().downcast_ref(),
        Some(Value::Nil) if type_name.starts_with('*') => return Err(NIL_POINTER.into()),
        _ => None,
    };
    let given = arguments.first().map(Value::type_name).unwrap_or_default();
    found.ok_or_else(|| format!("wrong type for value; expected {type_name}; got {given}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_duration_is_refused_in_gos_words() {
        assert_eq!(parse("1").unwrap_err(), "time: missing unit in duration \"1\"");
        assert_eq!(parse("1x").unwrap_err(), "time: unknown unit \"x\" in duration \"1x\"");
        assert_eq!(parse("x").unwrap_err(), "time: invalid duration \"x\"");
    }
}
