//! The state of the parser: its tokens, its variables, its definitions.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use super::lexer::Lexer;
use super::literal::unquote;
use super::node::List;
use super::token::{Kind, Token};
use super::{Delimiters, MAX_DEPTH, ParseError, Parsed, stray};
use crate::value::Text;

pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// Reads one text.
pub(super) struct Parser<'a, 't> {
    name: &'a str,
    lexer: Lexer<'t>,
    /// Characters of the text stand for bytes that are none of a character.
    has_strays: bool,
    is_function: &'a dyn Fn(&str) -> bool,
    definitions: Definitions,
    depth: usize,
    /// The state of the template at hand: the text itself, or a definition or block inside.
    pub(super) tree: Tree<'t>,
}

/// The state that every template of the text has of its own.
pub(super) struct Tree<'t> {
    /// Three tokens of look-ahead, as Go keeps them: the first is the one that was read last, and names the line of errors.
    tokens: [Token<'t>; 3],
    peeked: usize,
    variables: Variables<'t>,
    /// The line on which the action at hand began; 0 outside of actions.
    pub(super) action_line: usize,
    /// How many `range` there are around.
    pub(super) ranges: usize,
}

/// The variables that are declared.
#[derive(Default)]
struct Variables<'t> {
    stack: Vec<&'t str>,
    counts: HashMap<&'t str, usize>,
}

impl<'t> Variables<'t> {
    fn push(&mut self, name: &'t str) {
        self.stack.push(name);
        *self.counts.entry(name).or_default() += 1;
    }

    fn truncate(&mut self, length: usize) {
        for name in self.stack.drain(length..) {
            if let Some(count) = self.counts.get_mut(name) {
                *count -= 1;
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        name == "$" || self.counts.get(name).is_some_and(|count| *count > 0)
    }
}

/// The templates that the text defines.
#[derive(Default)]
struct Definitions {
    /// In the order in which they end. What was replaced is left as `None`.
    entries: Vec<Option<(Arc<str>, List)>>,
    places: HashMap<Arc<str>, usize>,
}

impl Definitions {
    /// Adds a definition. One that is empty gives way; `false` where neither is.
    fn add(&mut self, name: Arc<str>, list: List) -> bool {
        let before = self.places.get(&name).and_then(|place| self.entries.get_mut(*place));
        if let Some(entry) = before {
            if entry.as_ref().is_some_and(|(_, list)| !list.is_blank()) {
                return list.is_blank();
            }
            *entry = None;
        }
        self.places.insert(name.clone(), self.entries.len());
        self.entries.push(Some((name, list)));
        true
    }
}

impl Tree<'_> {
    fn new() -> Self {
        let none = Token { kind: Kind::Eof, position: 0, value: "", line: 0 };
        Self { tokens: [none; 3], peeked: 0, variables: Variables::default(), action_line: 0, ranges: 0 }
    }
}

impl<'a, 't> Parser<'a, 't> {
    pub fn new(
        name: &'a str,
        text: &'t str,
        delimiters: Delimiters,
        has_strays: bool,
        is_function: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            name,
            lexer: Lexer::new(text, delimiters, !is_function("break"), !is_function("continue")),
            has_strays,
            is_function,
            definitions: Definitions::default(),
            depth: 0,
            tree: Tree::new(),
        }
    }

    /// Reads the text to its end.
    pub fn parse(mut self) -> Result<Parsed> {
        let list = self.top_level()?;
        let name: Arc<str> = self.name.into();
        self.define(name.clone(), list)?;
        let mut main = List::default();
        let mut definitions = Vec::new();
        for (defined, list) in self.definitions.entries.into_iter().flatten() {
            if defined == name {
                main = list;
            } else {
                definitions.push((defined, list));
            }
        }
        Ok(Parsed { main, definitions })
    }

    /// Adds a template that the text defines.
    pub(super) fn define(&mut self, name: Arc<str>, list: List) -> Result<()> {
        if self.definitions.add(name.clone(), list) {
            return Ok(());
        }
        let name = crate::format::quote(name.as_bytes());
        self.error(format!("template: multiple definition of template {name}"))
    }

    /// What stands outside of actions, as it is written.
    pub(super) fn written(&self, text: &str) -> Text {
        if self.has_strays { stray::written(text) } else { text.into() }
    }

    /// What a literal says; `None` where it is malformed.
    pub(super) fn unquoted(&self, literal: &str) -> Option<Text> {
        match literal.starts_with('`') {
            _ if !self.has_strays => unquote(literal),
            true => unquote(literal).map(|text| stray::written(&text.to_str())),
            false => unquote(&stray::replaced(literal)),
        }
    }

    /// Begins a template inside the text; gives the state of the one around it.
    pub(super) fn begin_template(&mut self) -> Tree<'t> {
        mem::replace(&mut self.tree, Tree::new())
    }

    /// Reads what is one level deeper; fails with `message` where that is too deep.
    pub(super) fn deeper<T>(
        &mut self,
        message: impl FnOnce() -> String,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return self.error(message());
        }
        self.depth += 1;
        let result = stacker::maybe_grow(64 << 10, 1 << 20, || read(self));
        self.depth -= 1;
        result
    }

    /// Fails at the line of the token that was read last.
    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        let [last, ..] = &self.tree.tokens;
        Err(ParseError { name: self.name.to_owned(), line: last.line, message: message.into() })
    }

    /// Fails because of `token`, which has no place in `context`.
    pub(super) fn unexpected<T>(&self, token: &Token<'t>, context: &str) -> Result<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.describe()));
        }
        let complaint = self.lexer.complaint();
        let begun = self.tree.action_line;
        if begun == 0 || begun == token.line {
            return self.error(complaint);
        }
        let within = if complaint.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{complaint}{within} started at {}:{begun}", self.name))
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        match self.tree.peeked.checked_sub(1) {
            Some(left) => self.tree.peeked = left,
            None => self.read(),
        }
        self.at(self.tree.peeked)
    }

    fn at(&self, index: usize) -> Token<'t> {
        let [first, second, third] = self.tree.tokens;
        match index {
            0 => first,
            1 => second,
            _ => third,
        }
    }

    fn read(&mut self) {
        let [first, ..] = &mut self.tree.tokens;
        *first = self.lexer.next();
    }

    pub(super) fn peek(&mut self) -> Token<'t> {
        if self.tree.peeked == 0 {
            self.read();
            self.tree.peeked = 1;
        }
        self.at(self.tree.peeked - 1)
    }

    pub(super) fn peek_kind(&mut self) -> Kind {
        self.peek().kind
    }

    /// Puts back the token that was read last.
    pub(super) fn back_up(&mut self) {
        self.tree.peeked += 1;
    }

    /// Puts back `token`, which was read before the one that is read last.
    pub(super) fn back_up_2(&mut self, token: Token<'t>) {
        let [_, second, _] = &mut self.tree.tokens;
        *second = token;
        self.tree.peeked = 2;
    }

    /// Puts back two tokens, which were read before the one that is read last.
    pub(super) fn back_up_3(&mut self, earlier: Token<'t>, later: Token<'t>) {
        let [_, second, third] = &mut self.tree.tokens;
        *second = later;
        *third = earlier;
        self.tree.peeked = 3;
    }

    pub(super) fn next_non_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> Token<'t> {
        let token = self.next_non_space();
        self.back_up();
        token
    }

    /// Reads a token that has to be a `kind`.
    pub(super) fn expect(&mut self, kind: Kind, context: &str) -> Result<()> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(()) } else { self.unexpected(&token, context) }
    }

    pub(super) fn is_function(&self, name: &str) -> bool {
        (self.is_function)(name)
    }

    pub(super) fn declare(&mut self, name: &'t str) {
        self.tree.variables.push(name);
    }

    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.tree.variables.contains(name)
    }

    /// How many variables are declared, for [`Self::forget_variables`].
    pub(super) fn count_variables(&self) -> usize {
        self.tree.variables.stack.len()
    }

    /// Forgets the variables that were declared since there were `count`.
    pub(super) fn forget_variables(&mut self, count: usize) {
        self.tree.variables.truncate(count);
    }
}
