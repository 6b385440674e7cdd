//! Why the execution of a template failed.

use std::fmt;

use crate::function::Fault;
use crate::parse::ParseError;

/// Why a template could not be executed.
#[derive(Debug)]
pub enum Error {
    /// Something at a place in a template failed.
    At(Box<Failure>),
    /// There is no template of that name.
    NoTemplate {
        /// The name that was asked for.
        name: String,
        /// The name of the set.
        set: String,
    },
    /// A text is no template.
    Parse(ParseError),
    /// Templates or pipelines go too deep, produce or loop too much.
    Limit(String),
}

/// What failed at a place in a template.
#[derive(Debug)]
pub struct Failure {
    /// The name of the text, which is that of a file where it was read from one.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 0, as Go has it.
    pub column: usize,
    /// The name of the template that was executed.
    pub executing: String,
    /// What was being evaluated, shortened.
    pub context: String,
    /// What is wrong.
    pub cause: Cause,
}

/// What an error may need of the stack for one of the errors inside it, and how much more there is when it is short:
/// templates execute each other more often than one stack holds, and each of them adds to what is said.
const RED_ZONE: usize = 64 * 1024;
const STACK: usize = 1024 * 1024;

impl Drop for Failure {
    fn drop(&mut self) {
        let cause = std::mem::replace(&mut self.cause, Cause::Message(String::new()));
        stacker::maybe_grow(RED_ZONE, STACK, || drop(cause));
    }
}

/// What is wrong at a place.
#[derive(Debug)]
pub enum Cause {
    /// In words.
    Message(String),
    /// A function failed.
    Calling {
        /// The name of the function.
        function: String,
        /// What it says.
        fault: Fault,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Calling { function, fault } => write!(f, "error calling {function}: {fault}"),
        }
    }
}

impl fmt::Display for Error {
    /// As Go words it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(failure) => {
                let Failure { file, line, column, executing, context, cause } = &**failure;
                stacker::maybe_grow(RED_ZONE, STACK, || {
                    write!(f, "template: {file}:{line}:{column}: executing {executing:?} at <{context}>: {cause}")
                })
            }
            Self::NoTemplate { name, set } => {
                write!(f, "template: no template {name:?} associated with template {set:?}")
            }
            Self::Parse(error) => error.fmt(f),
            Self::Limit(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}
