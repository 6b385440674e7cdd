//! The tree of a parsed template.

use std::sync::Arc;

use crate::value::Text;

/// Where something stands in the text of a template: the offset in bytes.
pub type Position = usize;

/// A sequence of nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The nodes in their order.
    pub nodes: Vec<Node>,
}

/// What stands at the top level of a template or of a branch.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Text that is written as it is.
    Text(Text),
    /// `{{pipeline}}`: its value is printed, unless it declares or assigns variables.
    Action(Pipe),
    /// `{{if}}`.
    If(Box<Branch>),
    /// `{{with}}`.
    With(Box<Branch>),
    /// `{{range}}`.
    Range(Box<Branch>),
    /// `{{template "name" pipeline}}`, and what is left of a `{{block}}`.
    Template(Box<Call>),
    /// `{{break}}`.
    Break(Position),
    /// `{{continue}}`.
    Continue(Position),
}

impl Node {
    /// Where the node stands, as Go has it in errors: at the first token of its pipeline, at the name of a template, at
    /// the keyword of `break` and `continue`. Text, at which nothing fails, has no place.
    pub fn position(&self) -> Position {
        match self {
            Self::Text(_) => 0,
            Self::Action(pipe) => pipe.position,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.position,
            Self::Template(call) => call.position,
            Self::Break(position) | Self::Continue(position) => *position,
        }
    }
}

/// An `if`, `with` or `range`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Where its pipeline begins, as Go has it in errors.
    pub position: Position,
    /// The condition, or what is iterated over.
    pub pipe: Pipe,
    /// What is executed where the condition holds.
    pub list: List,
    /// What is executed where it does not.
    pub otherwise: Option<List>,
}

/// A call of another template.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Where it stands.
    pub position: Position,
    /// The name of the template.
    pub name: Arc<str>,
    /// What becomes its dot.
    pub pipe: Option<Pipe>,
}

/// A pipeline: commands, each of which gives its value to the next as the last argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipe {
    /// Where it stands.
    pub position: Position,
    /// The variables that get the value, with their `$`.
    pub declared: Vec<Arc<str>>,
    /// Whether the variables were there before (`=` rather than `:=`).
    pub assigns: bool,
    /// The commands; never none.
    pub commands: Vec<Command>,
}

/// A command: a function, method, field or value, with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Where it stands.
    pub position: Position,
    /// The operands, the function or value first; never none.
    pub operands: Vec<Operand>,
}

/// An operand and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// Where it stands, as Go has it in errors.
    pub position: Position,
    /// What it is.
    pub term: Term,
}

/// What an operand is.
///
/// Where Go has an operand in errors: at its first character, but `.a.b`, `$x.a` and `(p).a` at their last chain of
/// names, which is `.b` and `.a` here; `$x` and `.a` alone at their beginning, and `(p)` at the first token inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Box<Number>),
    /// A string.
    String {
        /// What it says: escapes can make it something that is not UTF-8.
        text: Text,
        /// How it was written, with its quotes.
        quoted: Arc<str>,
    },
    /// `.A.B`: the names.
    Field(Vec<Arc<str>>),
    /// `$x.A.B`: the variable with its `$`, and the names.
    Variable(Arc<str>, Vec<Arc<str>>),
    /// A function.
    Function(Arc<str>),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
    /// `(pipeline).A.B`: a term and the names.
    Chain(Box<Operand>, Vec<Arc<str>>),
}

/// A number, as all that it can be taken for.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// How it was written.
    pub text: Arc<str>,
    /// Its value as an integer.
    pub int: Option<i64>,
    /// Its value as an unsigned integer.
    pub uint: Option<u64>,
    /// Its value as a floating point number.
    pub float: Option<f64>,
    /// Its value as a complex number, real part first, where it is written as one: `1i`. The others are then there only
    /// where the imaginary part is zero.
    pub complex: Option<(f64, f64)>,
}

impl List {
    /// Whether there is nothing in it but space.
    pub fn is_blank(&self) -> bool {
        self.nodes.iter().all(|node| matches!(node, Node::Text(text) if text.to_str().trim().is_empty()))
    }
}
