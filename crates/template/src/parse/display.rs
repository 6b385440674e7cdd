//! Shows nodes as Go shows them.

use std::fmt;

use super::{Command, Node, Pipe, Term};

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The line of a position, counted from 1, and the column in bytes, counted from 0.
pub fn location(text: &str, position: super::Position) -> (usize, usize) {
    let before = text.get(..position).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    (line, before.rfind('\n').map_or(position, |at| position - at - 1))
}
