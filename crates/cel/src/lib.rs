//! Expressions of CEL, the [Common Expression Language](https://cel.dev), in the dialect that Flux uses: the language
//! itself with optional values, and the functions of `ext.Strings`, `ext.Sets` and `ext.Encoders`.
//!
//! Whoever writes an expression, and whoever writes the data that it reads, may mean ill: an expression is bounded in
//! length and depth when it is compiled, and in what it does, which bounds time and memory, by a [`Budget`] whenever it
//! is evaluated.
//!
//! ```
//! use cowherd_cel::{Budget, Expression, Output, Scope};
//!
//! let ready = Expression::compile("self.spec.replicas == dep.status.ready", &["self", "dep"], Output::Bool)?;
//! let it = serde_json::json!({ "spec": { "replicas": 2 } });
//! let other = serde_json::json!({ "status": { "ready": 2 } });
//! assert!(ready.bool(&Scope::named([("self", &it), ("dep", &other)]), Budget::EXPRESSION)?);
//!
//! let error = Expression::compile("self.spec == deps.spec", &["self", "dep"], Output::Bool).unwrap_err();
//! assert_eq!(error.to_string(), "1:14: undeclared reference to 'deps'");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allowance;
mod ast;
mod check;
mod eval;
mod functions;
mod lexer;
mod literal;
mod meter;
mod parser;
mod pattern;
#[cfg(test)]
mod recorded_tests;
mod resolve;
mod result;
mod scope;
mod time;
mod types;
mod value;

use std::fmt;

pub use allowance::Allowance;
pub use meter::Budget;
pub use result::{CompileError, EvalError, Position, Stage};
pub use scope::Scope;
pub use value::Numbers;

use ast::Expr;
use eval::Machine;
use lexer::Refusal;
use meter::Meter;
use result::{Fault, What};
use types::Type;
use value::Value;

/// What an expression is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Whether something holds.
    Bool,
    /// A text.
    Text,
}

impl Output {
    fn type_(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Text => Type::Text,
        }
    }
}

/// An expression that can be evaluated.
#[derive(Debug)]
pub struct Expression {
    text: Box<str>,
    root: Expr,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Expression {
    /// Reads an expression of whose variables nothing is known: a name or a type that does not fit is found out when it
    /// is evaluated.
    ///
    /// # Errors
    /// When the text is not of the grammar, or something in it that is always the same cannot be evaluated.
    pub fn parse(text: &str) -> Result<Self, CompileError> {
        Self::parse_within(text, &mut Allowance::default())
    }

    /// [`Expression::parse`] of one of several that stand in one object, which have one allowance.
    ///
    /// # Errors
    /// As [`Expression::parse`], and when the allowance is used up.
    pub fn parse_within(text: &str, allowance: &mut Allowance) -> Result<Self, CompileError> {
        Self::read(text, allowance, |_| Ok(()))
    }

    /// Reads an expression over these variables, each of which is an object.
    ///
    /// # Errors
    /// As [`Expression::parse`], and when a name is not declared, types do not fit, or it does not give what it is to.
    pub fn compile(text: &str, variables: &[&str], output: Output) -> Result<Self, CompileError> {
        Self::compile_within(text, variables, output, &mut Allowance::default())
    }

    /// [`Expression::compile`] of one of several that stand in one object, which have one allowance.
    ///
    /// # Errors
    /// As [`Expression::compile`], and when the allowance is used up.
    pub fn compile_within(
        text: &str,
        variables: &[&str],
        output: Output,
        allowance: &mut Allowance,
    ) -> Result<Self, CompileError> {
        Self::read(text, allowance, |root| {
            let (found, wanted) = (check::check(root, variables)?, output.type_());
            if found == wanted {
                return Ok(());
            }
            let message = format!("the expression has to be of the type {wanted}, and is of {found}");
            Err(Refusal { at: 0, message, stage: Stage::Check })
        })
    }

    fn read(
        text: &str,
        allowance: &mut Allowance,
        check: impl FnOnce(&Expr) -> Result<(), Refusal>,
    ) -> Result<Self, CompileError> {
        let read = || {
            allowance.take(text)?;
            let mut root = parser::parse(text)?;
            check(&root)?;
            resolve::resolve(&mut root, &mut allowance.constants)?;
            Ok(Self { text: text.into(), root })
        };
        read().map_err(|Refusal { at, message, stage }| CompileError {
            position: Position::of(text, at),
            message,
            stage,
        })
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// When it cannot be evaluated, is no `bool`, or costs more than it may.
    pub fn bool(&self, scope: &Scope<'_>, budget: Budget) -> Result<bool, EvalError> {
        match self.value(scope, budget)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvalError::Type { found: other.type_name(), wanted: "bool" }),
        }
    }

    /// The text that it gives.
    ///
    /// # Errors
    /// When it cannot be evaluated, is no `string`, or costs more than it may.
    pub fn text(&self, scope: &Scope<'_>, budget: Budget) -> Result<String, EvalError> {
        match self.value(scope, budget)? {
            Value::Text(text) => Ok(text.as_str().to_owned()),
            other => Err(EvalError::Type { found: other.type_name(), wanted: "string" }),
        }
    }

    fn value<'a>(&self, scope: &Scope<'a>, budget: Budget) -> Result<Value<'a>, EvalError> {
        let mut machine = Machine { scope, locals: Vec::new(), meter: Meter::new(budget) };
        machine.value(&self.root).map_err(|Fault { at, what }| match what {
            What::Exhausted => EvalError::Exhausted { limit: budget.0 },
            What::Missing(name) => self.failed(at, format!("no such attribute(s): {name}")),
            What::Error(message) => self.failed(at, message),
        })
    }

    fn failed(&self, at: Option<u32>, message: String) -> EvalError {
        EvalError::Failed { position: at.map(|at| Position::of(&self.text, at)), message }
    }
}
