//! What goes wrong.

use std::fmt;

/// The result of a step.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Why a step gave no value.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The byte of the expression where it happened.
    pub at: Option<u32>,
    pub what: What,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The budget is used up, whatever else holds.
    Exhausted,
    /// A variable, with the fields that were asked of it, that is not there.
    Missing(String),
    /// Anything that the expression can get over, by `||` or `&&`.
    Error(String),
}

impl Fault {
    pub fn error(message: impl Into<String>) -> Self {
        Self { at: None, what: What::Error(message.into()) }
    }

    pub fn missing(name: &str) -> Self {
        Self { at: None, what: What::Missing(name.to_owned()) }
    }

    pub fn exhausted() -> Self {
        Self { at: None, what: What::Exhausted }
    }

    pub fn no_overload() -> Self {
        Self::error("no such overload")
    }

    pub fn is_final(&self) -> bool {
        self.what == What::Exhausted
    }

    /// Says where, if nothing within said it.
    pub fn at(mut self, at: u32) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

/// Where in an expression something is: lines and columns are counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

impl Position {
    pub(crate) fn of(text: &str, at: u32) -> Self {
        let before = text.get(..at as usize).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no expression that can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct CompileError {
    /// Where in the text.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
    /// What finds it out.
    pub stage: Stage,
}

/// What finds out that a text is no expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The text is not of the grammar.
    Syntax,
    /// Names or types do not fit.
    Check,
    /// A part that is always the same cannot be evaluated.
    Constant,
}

/// Why an expression has no value for some data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// It costs more than it may.
    #[error("the expression costs more than the {limit} units that it may")]
    Exhausted {
        /// What it may cost.
        limit: u64,
    },
    /// It cannot be evaluated.
    #[error("{message}{}", at(.position))]
    Failed {
        /// Where.
        position: Option<Position>,
        /// Why.
        message: String,
    },
    /// It has a value of another type than it is to have.
    #[error("the value is of the type {found}, and has to be {wanted}")]
    Type {
        /// The type of the value.
        found: &'static str,
        /// The type that is wanted.
        wanted: &'static str,
    },
}

impl EvalError {
    /// What is wrong, without a word of the data: for data that not everybody may see who is told. It says where in the
    /// expression, and not why, since an expression can have any part of the data quoted there.
    pub fn without_data(&self) -> String {
        match self {
            Self::Failed { position, .. } => {
                format!("it cannot be evaluated{}; why is not told, since that could show what it reads", at(position))
            }
            Self::Exhausted { .. } | Self::Type { .. } => self.to_string(),
        }
    }
}

fn at(position: &Option<Position>) -> String {
    position.map(|position| format!(" (at {position})")).unwrap_or_default()
}
