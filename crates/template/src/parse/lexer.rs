//! Splits the text of a template into tokens, as `text/template/parse` does.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::Delimiters;
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
    delimiters: Delimiters,
    /// Why the text could not be read on.
    complaint: Cow<'static, str>,
}

impl<'t> Lexer<'t> {
    /// Begins at the start of `text`. The two words are keywords unless functions have their names.
    pub fn new(text: &'t str, delimiters: Delimiters, break_is_keyword: bool, continue_is_keyword: bool) -> Self {
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
            delimiters,
            complaint: "".into(),
        }
    }

    /// The next token. At the end it is `Eof`, time and again.
    pub fn next(&mut self) -> Token<'t> {
        if self.inside_action { self.action() } else { self.outside() }
    }

    /// What is wrong where the last token is an error.
    pub fn complaint(&self) -> &str {
        &self.complaint
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn rest_bytes(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.position..).unwrap_or_default()
    }

    fn peek_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn peek(&self) -> Option<char> {
        match self.peek_byte() {
            Some(byte) if byte.is_ascii() => Some(char::from(byte)),
            _ => self.rest().chars().next(),
        }
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

    /// Reads letters, digits and underscores. Few of them are not ASCII.
    fn accept_name(&mut self) {
        loop {
            let ascii = self.rest_bytes().iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
            self.position += ascii.count();
            match self.peek() {
                Some(character) if !character.is_ascii() && is_alphanumeric(character) => {
                    self.position += character.len_utf8();
                }
                _ => break,
            }
        }
    }

    /// What was read since the token began.
    fn pending(&self) -> &'t str {
        self.text.get(self.start..self.position).unwrap_or_default()
    }

    fn emit(&mut self, kind: Kind) -> Token<'t> {
        let token = Token { kind, position: self.start, value: self.pending(), line: self.start_line };
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
        self.line += memchr_iter(b'\n', self.pending().as_bytes()).count();
    }

    /// Gives up. As with Go, the rest of the text is gone, and the state stays what it was.
    fn error(&mut self, complaint: impl Into<Cow<'static, str>>) -> Token<'t> {
        let token = Token { kind: Kind::Error, position: self.start, value: "", line: self.start_line };
        self.complaint = complaint.into();
        self.text = "";
        self.start = 0;
        self.position = 0;
        token
    }

    /// Reads text up to an action, and passes over comments.
    fn outside(&mut self) -> Token<'t> {
        loop {
            let Some(length) = find_action(self.rest_bytes(), self.delimiters.left) else {
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
        let (text, action) = self.rest_bytes().split_at_checked(length)?;
        let trimmed = if has_left_trim_marker(action.get(2..).unwrap_or_default()) {
            text.iter().rev().take_while(|byte| is_space(**byte)).count()
        } else {
            0
        };
        self.position += length - trimmed;
        self.count_lines();
        let token = self.emit(Kind::Text);
        self.position += trimmed;
        self.ignore();
        (trimmed < length).then_some(token)
    }

    /// Reads the left delimiter. `None` where a comment followed, which is passed over.
    fn left_delimiter(&mut self) -> Option<Token<'t>> {
        self.position += 2;
        let marker = if has_left_trim_marker(self.rest_bytes()) { 2 } else { 0 };
        if self.rest_bytes().get(marker..).is_some_and(|rest| rest.starts_with(b"/*")) {
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
            self.skip_spaces();
        } else {
            self.position += 2;
        }
    }

    fn skip_spaces(&mut self) {
        self.position += self.rest_bytes().iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Whether the right delimiter is next, or one that trims; where it is, whether it trims.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest_bytes();
        match rest {
            _ if rest.starts_with(&self.delimiters.right) => Some(false),
            [space, b'-', rest @ ..] if is_space(*space) && rest.starts_with(&self.delimiters.right) => Some(true),
            _ => None,
        }
    }

    fn right_delimiter(&mut self, trims: bool) -> Token<'t> {
        if trims {
            self.position += 2;
            self.ignore();
        }
        self.position += 2;
        let token = self.emit(Kind::RightDelimiter);
        if trims {
            self.skip_spaces();
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
        if self.peek_byte().is_some_and(is_space) {
            return self.space();
        }
        if starts_number(self.rest_bytes()) {
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
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
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

    /// Reads spaces, of which the last may be part of a right delimiter that trims.
    fn space(&mut self) -> Token<'t> {
        self.skip_spaces();
        self.position -= 1;
        if self.at_right_delimiter() != Some(true) {
            self.position += 1;
        } else if self.position == self.start {
            return self.right_delimiter(true);
        }
        self.count_lines();
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token<'t> {
        self.accept_name();
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
        self.accept_name();
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
        match self.rest_bytes() {
            [] | [b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            rest @ [byte, ..] => is_space(*byte) || rest.starts_with(&self.delimiters.right),
        }
    }

    /// Reads up to the closing quote; what stands between them is looked at later.
    fn quoted(&mut self, end: u8, kind: Kind, unterminated: &'static str) -> Token<'t> {
        loop {
            let rest = self.rest_bytes();
            let plain = rest.iter().take_while(|byte| **byte != end && !matches!(byte, b'\\' | b'\n')).count();
            self.position += plain;
            match rest.get(plain..) {
                Some([b'\\', escaped, ..]) if *escaped != b'\n' => {
                    self.position += 1;
                    self.advance();
                }
                Some([byte, ..]) if *byte == end => {
                    self.position += 1;
                    return self.emit(kind);
                }
                _ => return self.error(unterminated),
            }
        }
    }

    fn raw_string(&mut self) -> Token<'t> {
        match memchr(b'`', self.rest_bytes()) {
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

/// Where the first left delimiter of `text` stands.
fn find_action(text: &[u8], [first, second]: [u8; 2]) -> Option<usize> {
    let mut found = memchr_iter(first, text);
    found.find(|at| text.get(at + 1) == Some(&second))
}

/// Whether a number begins here. A dot at the very end does too, and is then found to be none.
fn starts_number(text: &[u8]) -> bool {
    match text {
        [b'.'] | [b'.', b'0'..=b'9', ..] => true,
        [first, ..] => matches!(first, b'+' | b'-' | b'0'..=b'9'),
        [] => false,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(character: char) -> bool {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => true,
        _ => !character.is_ascii() && (is_letter(character) || is_digit(character)),
    }
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}
