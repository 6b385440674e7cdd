//! Expressions as they were read.

use crate::functions::Function;
use crate::pattern::Pattern;
use crate::value::Value;

/// A part of an expression.
#[derive(Debug)]
pub(crate) struct Expr {
    /// The byte where it was written, as far as a person is concerned: of an operation that is its operator.
    pub at: u32,
    pub kind: Kind,
}

/// What a part of an expression is.
#[derive(Debug)]
pub(crate) enum Kind {
    Literal(Value<'static>),
    /// A name that is not resolved yet.
    Name(Box<str>),
    /// A variable of a macro, by its place among those around it.
    Local(usize),
    Select {
        operand: Box<Expr>,
        field: Box<str>,
        how: Access,
    },
    Index {
        operand: Box<Expr>,
        index: Box<Expr>,
        optional: bool,
    },
    Call {
        name: Box<str>,
        /// `None` where nothing has that name, which only matters where the call is evaluated.
        function: Option<&'static Function>,
        /// What a member function is called upon is the first of its arguments.
        is_member: bool,
        arguments: Vec<Expr>,
    },
    /// A match with a pattern that is written in the expression.
    Matches {
        text: Box<Expr>,
        pattern: Pattern,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Conditional(Box<[Expr; 3]>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<[Expr; 2]>),
    List(Vec<Item>),
    Map(Vec<Entry>),
    Macro(Box<Macro>),
}

/// How a field is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// `a.b`
    Plain,
    /// `a.?b`
    Optional,
    /// `has(a.b)`
    Presence,
}

/// An element of a list that is written out.
#[derive(Debug)]
pub(crate) struct Item {
    pub optional: bool,
    pub value: Expr,
}

/// An entry of a map that is written out.
#[derive(Debug)]
pub(crate) struct Entry {
    pub optional: bool,
    pub key: Expr,
    pub value: Expr,
}

/// What is done with each element of something.
#[derive(Debug)]
pub(crate) struct Macro {
    pub kind: MacroKind,
    pub range: Expr,
    pub variable: Box<str>,
    /// Which elements `map` takes.
    pub filter: Option<Expr>,
    pub body: Expr,
}

/// The macros that bind a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    OptMap,
    OptFlatMap,
}

/// Operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    /// The operator as it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

impl Expr {
    /// The name that a chain of names with dots makes, as `a.b.c`.
    pub fn qualified_name(&self) -> Option<String> {
        match &self.kind {
            Kind::Name(name) => Some(name.to_string()),
            Kind::Select { operand, field, how: Access::Plain } => {
                let mut name = operand.qualified_name()?;
                name.push('.');
                name.push_str(field);
                Some(name)
            }
            _ => None,
        }
    }
}
