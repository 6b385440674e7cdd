//! Functions that templates call, with the types of their parameters.

use std::fmt;

use crate::exec::Execution;
use crate::value::Value;

/// The type of a parameter. What is given is checked, and where Go converts it converted, before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: anything, nil too.
    Any,
    /// `string`; arrives as [`Value::String`].
    String,
    /// `bool`; arrives as [`Value::Bool`].
    Bool,
    /// `int`; arrives as [`Value::Int`].
    Int,
    /// `int64`; arrives as [`Value::Int64`].
    Int64,
    /// `float64`; arrives as [`Value::Float`].
    Float,
    /// `map[string]interface {}`; arrives as [`Value::Map`], or as [`Value::Nil`] for a nil map.
    Map,
    /// `[]interface {}`; arrives as [`Value::List`], or as [`Value::Nil`] for a nil slice.
    List,
    /// `[]string`; arrives as [`Value::List`], or as [`Value::Nil`] for a nil slice.
    Strings,
    /// A type of its own by its name, such as `time.Time`; arrives as [`Value::Object`].
    Object(&'static str),
}

impl Type {
    /// What Go calls the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float => "float64",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Object(name) => name,
        }
    }

    /// Whether nil can be given.
    pub(crate) fn takes_nil(self) -> bool {
        match self {
            Self::Any | Self::Map | Self::List | Self::Strings => true,
            Self::Object(name) => name.starts_with('*'),
            _ => false,
        }
    }
}

/// Why a function failed.
#[derive(Debug)]
pub enum Fault {
    /// In the function's own words.
    Message(String),
    /// A template that the function executed failed.
    Template(Box<crate::Error>),
    /// What the function executed could not be read as a template.
    Within {
        /// What the function says of it.
        message: String,
        /// What failed.
        error: Box<crate::Error>,
    },
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl From<crate::Error> for Fault {
    fn from(error: crate::Error) -> Self {
        Self::Template(Box::new(error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Template(error) => error.fmt(f),
            Self::Within { message, error } => write!(f, "{message}: {error}"),
        }
    }
}

/// What a function is given besides its arguments, and what it gives back.
pub type Body<C> = fn(&mut Execution<'_, C>, &[Value]) -> Result<Value, Fault>;

/// A function by its name and the types of its parameters. `C` is what the caller of the templates gives to its
/// functions as their context.
pub struct Function<C> {
    /// The name by which templates call it.
    pub name: &'static str,
    /// The types of the parameters.
    pub parameters: &'static [Type],
    /// The type of any number of further arguments.
    pub variadic: Option<Type>,
    /// What it does.
    pub body: Body<C>,
}

impl<C> Function<C> {
    /// A function of a fixed number of arguments.
    pub const fn new(name: &'static str, parameters: &'static [Type], body: Body<C>) -> Self {
        Self { name, parameters, variadic: None, body }
    }

    /// A function that takes any number of arguments of the type `rest` behind the others.
    pub const fn variadic(name: &'static str, parameters: &'static [Type], rest: Type, body: Body<C>) -> Self {
        Self { name, parameters, variadic: Some(rest), body }
    }
}

impl<C> Clone for Function<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Function<C> {}
