//! Reads templates: Go's syntax, with its errors.
//!
//! What is read and refused, with which words, is what `text/template/parse` reads and refuses, but for nesting:
//! parentheses and control structures may go [`MAX_DEPTH`] deep.

mod control;
mod display;
mod find;
mod lexer;
mod literal;
mod node;
mod number;
mod parser;
mod pipeline;
mod stray;
mod token;

pub use display::location;
pub use find::{Place, show};
pub use node::{Branch, Call, Command, List, Node, Number, Operand, Pipe, Position, Term};

/// How deep parentheses and control structures together may be nested.
pub const MAX_DEPTH: usize = 1000;

/// What one text defines: itself under its own name, and every template that it defines inside.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What the name of the text stands for: the text outside of all definitions, or where that is empty the definition
    /// of this name, if there is one.
    pub main: List,
    /// The other definitions, each name once, in the order in which they end, with their names.
    pub definitions: Vec<(std::sync::Arc<str>, List)>,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name of the template.
    pub name: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, in Go's words.
    pub message: String,
}

/// What an action stands between, each of two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// What begins it.
    pub left: [u8; 2],
    /// What ends it.
    pub right: [u8; 2],
}

impl Default for Delimiters {
    /// Go's: `{{` and `}}`.
    fn default() -> Self {
        Self { left: *b"{{", right: *b"}}" }
    }
}

/// Reads `text`, which errors call `name`. `is_function` tells which functions there are.
pub fn parse(name: &str, text: &str, is_function: &dyn Fn(&str) -> bool) -> Result<Parsed, ParseError> {
    parser::Parser::new(name, text, Delimiters::default(), false, is_function).parse()
}

/// Reads a text that need not be UTF-8; also gives the text by which its positions count.
pub(crate) fn parse_bytes<'t>(
    name: &str,
    text: &'t [u8],
    delimiters: Delimiters,
    is_function: &dyn Fn(&str) -> bool,
) -> Result<(Parsed, std::borrow::Cow<'t, str>), ParseError> {
    let readable = stray::readable(text);
    let has_strays = matches!(readable, std::borrow::Cow::Owned(_));
    let parsed = parser::Parser::new(name, &readable, delimiters, has_strays, is_function).parse()?;
    Ok((parsed, readable))
}
