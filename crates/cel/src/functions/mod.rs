//! What can be called: of the language itself, of `ext.Strings`, `ext.Sets`, `ext.Encoders`, and of optional values.

mod conversions;
mod encoders;
mod format;
mod general;
mod optionals;
mod sets;
mod strings;
mod times;

pub(crate) use conversions::is_conversion;
pub(crate) use format::{FormatError, clauses};
pub(crate) use general::{contains, matches};

use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::value::{Text, Value};

/// Calls a function with its arguments.
pub(crate) type Run = for<'a> fn(&mut Meter, &[Value<'a>]) -> Outcome<Value<'a>>;

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    /// What it may be called with, for those who know types before values.
    pub overloads: &'static [Overload],
    pub run: Run,
}

/// What a function may be called with.
#[derive(Debug)]
pub(crate) struct Overload {
    /// Whether it is called upon its first argument.
    pub is_member: bool,
    pub arguments: &'static [Sig],
    pub result: Sig,
}

/// A type in a signature, in which `A` and `B` are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sig {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    A,
    B,
    ListA,
    ListText,
    ListDyn,
    MapAB,
    OptA,
    OptB,
    OptListA,
    OptMapAB,
    ListOptA,
    TypeA,
}

/// An overload that is called with its arguments.
const fn global(arguments: &'static [Sig], result: Sig) -> Overload {
    Overload { is_member: false, arguments, result }
}

/// An overload that is called upon its first argument.
const fn member(arguments: &'static [Sig], result: Sig) -> Overload {
    Overload { is_member: true, arguments, result }
}

const fn function(name: &'static str, overloads: &'static [Overload], run: Run) -> Function {
    Function { name, overloads, run }
}

const TABLES: &[&[Function]] = &[
    general::FUNCTIONS,
    conversions::FUNCTIONS,
    times::FUNCTIONS,
    strings::FUNCTIONS,
    format::FUNCTIONS,
    sets::FUNCTIONS,
    encoders::FUNCTIONS,
    optionals::FUNCTIONS,
];

/// The function of that name.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    TABLES.iter().copied().flatten().find(|function| function.name == name)
}

fn text<'v, 'a>(value: &'v Value<'a>) -> Outcome<&'v Text<'a>> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Fault::no_overload()),
    }
}

fn int(value: &Value<'_>) -> Outcome<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(Fault::no_overload()),
    }
}
