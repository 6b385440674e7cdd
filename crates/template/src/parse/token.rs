//! The tokens of a template.

use crate::format::quote;

use super::node::Position;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text cannot be read on; the lexer knows why.
    Error,
    Bool,
    /// A printable ASCII character without a meaning of its own.
    Char,
    CharConstant,
    /// A complex constant: `1+2i`.
    Complex,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Eof,
    /// `.name`
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub kind: Kind,
    /// Where it begins, in bytes.
    pub position: Position,
    /// What stands there.
    pub value: &'t str,
    /// The line on which it begins, counted from 1.
    pub line: usize,
}

impl Token<'_> {
    /// How errors call the token.
    pub fn describe(&self) -> String {
        let keyword = match self.kind {
            Kind::Block | Kind::Break | Kind::Continue | Kind::Dot | Kind::Define | Kind::Else | Kind::End => true,
            Kind::If | Kind::Nil | Kind::Range | Kind::Template | Kind::With => true,
            Kind::Eof => return "EOF".into(),
            _ => false,
        };
        if keyword {
            return format!("<{}>", self.value);
        }
        if self.value.len() <= 10 {
            return quote(self.value.as_bytes());
        }
        let start: String = self.value.chars().take(10).collect();
        format!("{}...", quote(start.as_bytes()))
    }
}
