//! Splits the text of a template into tokens, as `text/template/parse` does.

use std::borrow::Cow;

use crate::format::{code_point, is_digit, is_letter, quote};

use super::node::Position;
use super::token::{Kind, Token};

/// The state of the split.
pub(super) struct Lexer<'t> {
    text: &'t str,
    /// Where the next character stands.
    position: Position,
    /// Where the token at hand begins.
    start: Position,
    line: usize,
    start_line: usize,
    depth: usize,
    inside_action: bool,
    break_is_keyword: bool,
    continue_is_keyword: bool,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'t> Lexer<'t> {
    /// Begins at the start of `text`. The two words are keywords unless functions have their names.
    pub fn new(text: &'t str, break_is_keyword: bool, continue_is_keyword: bool) -> Self {
        Self {
            text,
            position: 0,
            start: 0,
            line: 1,
            start_line: 1,
            depth: 0,
            inside_action: false,
            break_is_keyword,
            continue_is_keyword,
        }
    }

    /// The next token. At the end it is `Eof`, time and again.
    pub fn next(&mut self) -> Token<'t> {
        if self.inside_action { self.action() } else { self.outside() }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        self.line += usize::from(character == '\n');
        Some(character)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|character| valid.contains(character));
        if accepted {
            self.advance();
        }
        accepted
    }

    fn accept_run(&mut self, valid: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&valid) {
            self.advance();
        }
    }

    /// What was read since the token began.
    fn pending(&self) -> &'t str {
        self.text.get(self.start..self.position).unwrap_or_default()
    }

    fn emit(&mut self, kind: Kind) -> Token<'t> {
        let token = Token { kind, position: self.start, value: Cow::Borrowed(self.pending()), line: self.start_line };
        self.start = self.position;
        self.start_line = self.line;
        token
    }

    /// Passes over what was skipped without being looked at, and counts its lines.
    fn ignore(&mut self) {
        self.count_lines();
        self.start = self.position;
        self.start_line = self.line;
    }

    fn count_lines(&mut self) {
        self.line += self.pending().bytes().filter(|byte| *byte == b'\n').count();
    }

    /// Gives up. As with Go, the rest of the text is gone, and the state stays what it was.
    fn error(&mut self, message: impl Into<Cow<'t, str>>) -> Token<'t> {
        let token = Token { kind: Kind::Error, position: self.start, value: message.into(), line: self.start_line };
        self.text = "";
        self.start = 0;
        self.position = 0;
        token
    }

    /// Reads text up to an action, and passes over comments.
    fn outside(&mut self) -> Token<'t> {
        loop {
            let Some(length) = self.rest().find("{{") else {
                self.position = self.text.len();
                if self.position > self.start {
                    self.count_lines();
                    return self.emit(Kind::Text);
                }
                return self.emit(Kind::Eof);
            };
            if length > 0
                && let Some(text) = self.text_before_action(length)
            {
                return text;
            }
            if let Some(token) = self.left_delimiter() {
                return token;
            }
        }
    }

    /// The text of this length without the spaces that the action behind it trims; `None` where nothing is left.
    fn text_before_action(&mut self, length: usize) -> Option<Token<'t>> {
        let rest = self.rest();
        let (text, action) = rest.split_at_checked(length)?;
        let kept = if has_left_trim_marker(action.get(2..).unwrap_or_default()) {
            text.trim_end_matches(SPACE).len()
        } else {
            length
        };
        self.position += kept;
        self.count_lines();
        let token = self.emit(Kind::Text);
        self.position += length - kept;
        self.ignore();
        (kept > 0).then_some(token)
    }

    /// Reads `{{`. `None` where a comment followed, which is passed over.
    fn left_delimiter(&mut self) -> Option<Token<'t>> {
        self.position += 2;
        let marker = if has_left_trim_marker(self.rest()) { 2 } else { 0 };
        if self.rest().get(marker..).is_some_and(|rest| rest.starts_with("/*")) {
            self.position += marker;
            self.ignore();
            return self.comment().err();
        }
        let token = self.emit(Kind::LeftDelimiter);
        self.inside_action = true;
        self.position += marker;
        self.ignore();
        self.depth = 0;
        Some(token)
    }

    fn comment(&mut self) -> Result<(), Token<'t>> {
        self.position += 2;
        let Some(length) = self.rest().find("*/") else { return Err(self.error("unclosed comment")) };
        self.position += length + 2;
        let Some(trims) = self.at_right_delimiter() else {
            return Err(self.error("comment ends before closing delimiter"));
        };
        self.skip_right_delimiter(trims);
        self.ignore();
        Ok(())
    }

    fn skip_right_delimiter(&mut self, trims: bool) {
        if trims {
            self.position += 4;
            self.position += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
        } else {
            self.position += 2;
        }
    }

    /// Whether `}}` or ` -}}` is next; where it is, whether it trims.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim_marker(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with("}}")) {
            return Some(true);
        }
        rest.starts_with("}}").then_some(false)
    }

    fn right_delimiter(&mut self, trims: bool) -> Token<'t> {
        if trims {
            self.position += 2;
            self.ignore();
        }
        self.position += 2;
        let token = self.emit(Kind::RightDelimiter);
        if trims {
            self.position += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
            self.ignore();
        }
        self.inside_action = false;
        token
    }

    fn action(&mut self) -> Token<'t> {
        if let Some(trims) = self.at_right_delimiter() {
            if self.depth == 0 {
                return self.right_delimiter(trims);
            }
            return self.error("unclosed left paren");
        }
        let Some(character) = self.peek() else { return self.error("unclosed action") };
        if is_space(character) {
            return self.space();
        }
        if starts_number(self.rest()) {
            return self.number();
        }
        if is_alphanumeric(character) {
            return self.identifier();
        }
        self.advance();
        match character {
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.advance() != Some('=') {
                    return self.error("expected :=");
                }
                self.emit(Kind::Declare)
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.field_or_variable(Kind::Variable, Kind::Variable),
            '.' => self.field_or_variable(Kind::Field, Kind::Dot),
            '(' => {
                self.depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.depth.checked_sub(1) {
                Some(depth) => {
                    self.depth = depth;
                    self.emit(Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            ' '..='~' => self.emit(Kind::Char),
            _ => self.error(format!("unrecognized character in action: {}", code_point(character))),
        }
    }

    /// Reads spaces, of which the last may be part of ` -}}`.
    fn space(&mut self) -> Token<'t> {
        self.accept_run(is_space);
        let last = self.position - 1;
        let before = self.text.get(last..).unwrap_or_default();
        if has_right_trim_marker(before) && before.get(2..).is_some_and(|rest| rest.starts_with("}}")) {
            self.position = last;
            self.line -= usize::from(before.starts_with('\n'));
            if self.position == self.start {
                return self.right_delimiter(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token<'t> {
        self.accept_run(is_alphanumeric);
        if let Some(error) = self.bad_character() {
            return error;
        }
        let kind = match self.pending() {
            "block" => Kind::Block,
            "break" if self.break_is_keyword => Kind::Break,
            "continue" if self.continue_is_keyword => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "range" => Kind::Range,
            "nil" => Kind::Nil,
            "template" => Kind::Template,
            "with" => Kind::With,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    /// Reads the name behind `.` or `$`. What stands alone is `alone`.
    fn field_or_variable(&mut self, named: Kind, alone: Kind) -> Token<'t> {
        if self.at_terminator() {
            return self.emit(alone);
        }
        self.accept_run(is_alphanumeric);
        match self.bad_character() {
            Some(error) => error,
            None => self.emit(named),
        }
    }

    /// The error, where what is next cannot stand behind a name.
    fn bad_character(&mut self) -> Option<Token<'t>> {
        if self.at_terminator() {
            return None;
        }
        let character = self.peek()?;
        Some(self.error(format!("bad character {}", code_point(character))))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(character) => is_space(character) || self.rest().starts_with("}}"),
        }
    }

    /// Reads up to the closing quote; what stands between them is looked at later.
    fn quoted(&mut self, end: char, kind: Kind, unterminated: &'static str) -> Token<'t> {
        loop {
            match self.advance() {
                Some('\\') => {
                    if matches!(self.advance(), None | Some('\n')) {
                        return self.error(unterminated);
                    }
                }
                None | Some('\n') => return self.error(unterminated),
                Some(character) if character == end => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Token<'t> {
        match self.rest().find('`') {
            Some(length) => {
                self.position += length + 1;
                self.count_lines();
                self.emit(Kind::RawString)
            }
            None => self.error("unterminated raw quoted string"),
        }
    }

    /// Reads a number. It takes in some that are none, which the parser notices.
    fn number(&mut self) -> Token<'t> {
        if !self.scan_number() {
            return self.bad_number();
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            return self.emit(Kind::Number);
        }
        if self.scan_number() && self.pending().ends_with('i') {
            return self.emit(Kind::Complex);
        }
        self.bad_number()
    }

    fn bad_number(&mut self) -> Token<'t> {
        let number = quote(self.pending().as_bytes());
        self.error(format!("bad number syntax: {number}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut base = 10;
        if self.accept("0") {
            if self.accept("xX") {
                base = 16;
            } else if self.accept("oO") {
                base = 8;
            } else if self.accept("bB") {
                base = 2;
            }
        }
        let is_digit = |character: char| character == '_' || character.is_digit(base);
        self.accept_run(is_digit);
        if self.accept(".") {
            self.accept_run(is_digit);
        }
        if base == 10 && self.accept("eE") || base == 16 && self.accept("pP") {
            self.accept("+-");
            self.accept_run(|character| character == '_' || character.is_ascii_digit());
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.advance();
            return false;
        }
        true
    }
}

/// Whether a number begins here. A dot at the very end does too, and is then found to be none.
fn starts_number(text: &str) -> bool {
    match text.as_bytes() {
        [b'.'] | [b'.', b'0'..=b'9', ..] => true,
        [first, ..] => matches!(first, b'+' | b'-' | b'0'..=b'9'),
        [] => false,
    }
}

fn is_space(character: char) -> bool {
    SPACE.contains(&character)
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || is_letter(character) || is_digit(character)
}

fn has_left_trim_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn has_right_trim_marker(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}
