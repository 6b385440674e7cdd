//! The words of an expression.

use crate::literal;
use crate::result::Stage;

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub at: u32,
    pub word: Word,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Name(Box<str>),
    /// A number without its sign: whether it is hexadecimal, and its digits.
    Int(bool, Box<str>),
    Uint(bool, Box<str>),
    Double(Box<str>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// Operators, brackets, and `in`, `true`, `false` and `null`.
    Sign(&'static str),
    End,
}

/// What is wrong in a text, and where.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub at: u32,
    pub message: String,
    pub stage: Stage,
}

impl Refusal {
    pub fn syntax(at: u32, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), stage: Stage::Syntax }
    }
}

/// The longest come first.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*", "/", "%",
    "<", ">",
];

const WORDS: &[&str] = &["in", "true", "false", "null"];

/// The words of a text, an end among them.
pub(crate) fn words(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let at = lexer.at as u32;
        let word = lexer.word()?;
        let is_end = word == Word::End;
        tokens.push(Token { at, word });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches(['\t', ' ', '\r', '\n', '\u{c}']).len();
            self.at += blanks;
            match self.rest().strip_prefix("//") {
                Some(comment) => self.at += 2 + comment.find('\n').unwrap_or(comment.len()),
                None if blanks == 0 => return,
                None => {}
            }
        }
    }

    fn word(&mut self) -> Result<Word, Refusal> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Word::End) };
        let second = rest.as_bytes().get(1).copied().unwrap_or_default();
        if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) {
            return Ok(self.number());
        }
        if let Some((is_bytes, is_raw, prefix)) = quoted(rest) {
            return self.text(is_bytes, is_raw, prefix);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(self.name());
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Word::Sign(sign))
            }
            None => Err(Refusal::syntax(self.at as u32, format!("syntax error: unexpected character {first:?}"))),
        }
    }

    fn take(&mut self, holds: impl Fn(u8) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !holds(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn name(&mut self) -> Word {
        let name = self.take(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match WORDS.iter().find(|word| **word == name) {
            Some(word) => Word::Sign(word),
            None => Word::Name(name.into()),
        }
    }

    fn number(&mut self) -> Word {
        let start = self.at;
        let is_hex =
            self.rest().strip_prefix("0x").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
        if is_hex {
            self.at += 2;
            let digits = self.take(|byte| byte.is_ascii_hexdigit()).into();
            return if self.takes_u() { Word::Uint(true, digits) } else { Word::Int(true, digits) };
        }
        let digits = self.take(|byte| byte.is_ascii_digit());
        let mut is_double = false;
        let mut follows = self.rest().bytes();
        if follows.next() == Some(b'.') && follows.next().is_some_and(|byte| byte.is_ascii_digit()) {
            is_double = true;
            self.at += 1;
            self.take(|byte| byte.is_ascii_digit());
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(exponent) = exponent.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            is_double = true;
            self.at = self.text.len() - exponent.len();
            self.take(|byte| byte.is_ascii_digit());
        }
        match () {
            () if is_double => Word::Double(self.text.get(start..self.at).unwrap_or_default().into()),
            () if self.takes_u() => Word::Uint(false, digits.into()),
            () => Word::Int(false, digits.into()),
        }
    }

    fn takes_u(&mut self) -> bool {
        let is_there = self.rest().starts_with(['u', 'U']);
        self.at += usize::from(is_there);
        is_there
    }

    fn text(&mut self, is_bytes: bool, is_raw: bool, prefix: usize) -> Result<Word, Refusal> {
        let start = self.at as u32;
        let unclosed = || Refusal::syntax(start, "syntax error: a text is not closed");
        let rest = self.rest().get(prefix..).unwrap_or_default();
        let quote = if rest.starts_with('"') { "\"" } else { "'" };
        let long = quote.repeat(3);
        let delimiter = if rest.starts_with(&long) { &*long } else { quote };
        let inner = rest.get(delimiter.len()..).unwrap_or_default();
        let length = end(inner, delimiter, is_raw).ok_or_else(unclosed)?;
        self.at += prefix + 2 * delimiter.len() + length;
        let inner = inner.get(..length).unwrap_or_default();
        let refused = |message| Refusal::syntax(start, message);
        Ok(if is_bytes {
            Word::Bytes(literal::bytes(inner, is_raw).map_err(refused)?.into())
        } else {
            Word::Text(literal::text(inner, is_raw).map_err(refused)?.into())
        })
    }
}

/// Whether a quoted text begins here: whether it is of bytes, whether it is raw, and the length of what says so.
fn quoted(rest: &str) -> Option<(bool, bool, usize)> {
    let after_bytes = rest.strip_prefix(['b', 'B']);
    let after = after_bytes.unwrap_or(rest);
    let after_raw = after.strip_prefix(['r', 'R']);
    let quote = after_raw.unwrap_or(after);
    let prefix = rest.len() - quote.len();
    quote.starts_with(['"', '\'']).then_some((after_bytes.is_some(), after_raw.is_some(), prefix))
}

/// Where a quoted text ends.
fn end(inner: &str, delimiter: &str, is_raw: bool) -> Option<usize> {
    let is_long = delimiter.len() == 3;
    let mut at = 0;
    loop {
        let rest = inner.get(at..)?;
        if rest.starts_with(delimiter) {
            return Some(at);
        }
        let next = rest.chars().next()?;
        match next {
            '\\' if !is_raw => at += 1 + rest.get(1..)?.chars().next()?.len_utf8(),
            '\n' | '\r' if !is_long => return None,
            next => at += next.len_utf8(),
        }
    }
}
