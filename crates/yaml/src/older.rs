//! Where YAML 1.1, which Go reads, is not what the parser reads, which is YAML 1.2.

use std::collections::HashMap;

use crate::{Problem, YamlError};

/// What the parser says of a comment that stands too close.
const CLOSE_COMMENT: &str = "comments must be separated from other tokens by whitespace";
/// What the parser says of a tab before something in braces or brackets that stand in a block.
const TAB: &str = "tabs disallowed within this context (block indentation)";
/// What the parser says of the indicator of a block that stands below its key, no deeper.
const NO_COLON: &str = "simple key expected ':'";

/// What the parser says of a text that is a hyphen alone in brackets or braces.
const HYPHEN: &str = "plain scalar cannot start with '-' followed by ,[]{}";

/// `text` with a space where `error` says that the parser wants one and Go does not: before a comment behind quotes and
/// brackets, in the place of tabs that a line begins with, and before a block that begins on a line of its own; and with
/// a hyphen in quotes. `None` where the error says something else.
pub(crate) fn mended(text: &str, error: &YamlError) -> Option<String> {
    let Problem::Syntax(message) = &error.problem else { return None };
    let start: usize = text.split_inclusive('\n').take(error.line.checked_sub(1)?).map(str::len).sum();
    let (before, rest) = text.split_at_checked(start)?;
    match message.as_str() {
        CLOSE_COMMENT => {
            let (column, _) = rest.char_indices().nth(error.column.checked_sub(1)?)?;
            let (line, comment) = rest.split_at_checked(column).filter(|(_, comment)| comment.starts_with('#'))?;
            Some(format!("{before}{line} {comment}"))
        }
        TAB => {
            let content = rest.trim_start_matches([' ', '\t']);
            let indent = rest.len() - content.len();
            rest.get(..indent)?.contains('\t').then(|| format!("{before}{}{content}", " ".repeat(indent)))
        }
        HYPHEN => {
            let (column, _) = rest.char_indices().nth(error.column.checked_sub(1)?)?;
            let (line, rest) = rest.split_at_checked(column)?;
            Some(format!("{before}{line}'-'{}", rest.strip_prefix('-')?))
        }
        NO_COLON => {
            let is_key = before.trim_end().ends_with(':');
            let is_block = rest.trim_start_matches(' ').starts_with(['|', '>']);
            (is_key && is_block).then(|| format!("{before} {rest}"))
        }
        _ => None,
    }
}

/// `error` with the words that people know from Go's tools, which say less; its place stays.
pub(crate) fn worded(error: YamlError) -> YamlError {
    let Problem::Syntax(message) = &error.problem else { return error };
    let words = match message.as_str() {
        TAB => return YamlError { problem: Problem::Tab, ..error },
        NO_COLON => "could not find expected ':'",
        "did not find expected <document start>" => return YamlError { problem: Problem::LeftOut, ..error },
        "unclosed bracket '['" => "did not find expected ',' or ']'; the bracket here is never closed",
        "unclosed bracket '{'" => "did not find expected ',' or '}'; the brace here is never closed",
        "unclosed quote" => "found unexpected end of stream; the quote here is never closed",
        "misplaced bracket" => "did not find expected node content; no bracket is open here",
        "while parsing a block mapping, did not find expected key" => "did not find expected key",
        "while parsing a block collection, did not find expected '-' indicator" => {
            "did not find expected '-' indicator"
        }
        "while parsing node, found unknown anchor" => "unknown anchor referenced",
        "while parsing a quoted scalar, found unknown escape character" => "found unknown escape character",
        message if message.starts_with("unexpected character: ") => {
            "found character that cannot start any token; quote it"
        }
        message if message.starts_with("invalid trailing content after ") => {
            "did not find expected key; nothing may follow a quoted text here"
        }
        _ => return error,
    };
    YamlError { problem: Problem::Syntax(words.to_owned()), ..error }
}

/// The lines that are indented with tabs, where nothing of a block may begin.
#[derive(Default)]
pub(crate) struct TabbedLines {
    /// How many characters of a line are its indentation; lines are counted from 1.
    indents: HashMap<usize, usize>,
}

impl TabbedLines {
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = Self::default();
        if !text.contains('\t') {
            return lines;
        }
        for (at, line) in text.split('\n').enumerate() {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            if line.get(..indent).is_some_and(|indent| indent.contains('\t')) {
                lines.indents.insert(at + 1, indent);
            }
        }
        lines
    }

    /// Whether what begins at a column, counted from 0, is the first of such a line.
    pub(crate) fn begin_at(&self, line: usize, column: usize) -> bool {
        self.indents.get(&line) == Some(&column)
    }
}
