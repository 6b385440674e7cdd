//! Reads JSON as Go's `encoding/json` does, with its words for what is wrong.

use std::sync::Arc;

use cowherd_template::{Map, Text, Value, format};

use crate::functions::call::limits::{TooDeep, deeper};

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    /// It ends too early.
    #[error("unexpected end of JSON input")]
    End,
    /// A character is out of place.
    #[error("invalid character {0} {1}")]
    Character(String, String),
    /// A number is too large.
    #[error("json: cannot unmarshal number {0} into Go value of type float64")]
    Number(String),
    /// It goes too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
}

type Result<T> = std::result::Result<T, ParseError>;

/// The value that a text says. Numbers are floats.
pub(crate) fn parse(text: &[u8]) -> Result<Value> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(byte) => Err(unexpected(byte, "after top-level value")),
    }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

fn unexpected(byte: u8, place: &str) -> ParseError {
    let quoted = match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        byte => {
            let quoted = format::quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
            format!("'{}'", quoted.trim_matches('"'))
        }
    };
    ParseError::Character(quoted, place.to_owned())
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8> {
        let byte = self.peek().ok_or(ParseError::End)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next character where a space would be out of place: Go takes the end for one.
    fn next_inside(&mut self) -> u8 {
        self.next().unwrap_or(b' ')
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next character that is no space.
    fn token(&mut self) -> Result<u8> {
        self.space();
        self.next()
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        match self.token()? {
            b'{' => deeper(depth, |depth| self.object(depth)),
            b'[' => deeper(depth, |depth| self.array(depth)),
            b'"' => self.string().map(|bytes| Value::String(Text::from_bytes(bytes))),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Nil),
            b'-' | b'0'..=b'9' => self.number(),
            byte => Err(unexpected(byte, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value> {
        let map = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            match self.token()? {
                b'"' => {}
                byte => return Err(unexpected(byte, "looking for beginning of object key string")),
            }
            let key: Arc<str> = Text::from_bytes(self.string()?).to_shared();
            match self.token()? {
                b':' => {}
                byte => return Err(unexpected(byte, "after object key")),
            }
            map.insert(key, self.value(depth)?);
            match self.token()? {
                b',' => {}
                b'}' => return Ok(Value::Map(map)),
                byte => return Err(unexpected(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value(depth)?);
            match self.token()? {
                b',' => {}
                b']' => return Ok(Value::list(items)),
                byte => return Err(unexpected(byte, "after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value> {
        for expected in word.bytes().skip(1) {
            let byte = self.next_inside();
            if byte != expected {
                let place = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(unexpected(byte, &place));
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at - 1;
        let mut first = self.text.get(start).copied().unwrap_or_default();
        if first == b'-' {
            first = self.next_inside();
        }
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            byte => return Err(unexpected(byte, "in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.first_digit("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.first_digit("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(self.text.get(start..self.at).unwrap_or_default());
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(ParseError::Number(text.into_owned())),
        }
    }

    fn first_digit(&mut self, place: &str) -> Result<()> {
        match self.next_inside() {
            b'0'..=b'9' => self.digits(),
            byte => return Err(unexpected(byte, place)),
        }
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    /// The rest of a string behind its first quote. What is not UTF-8 in it is replaced.
    fn string(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => self.escape(&mut out)?,
                byte @ ..b' ' => return Err(unexpected(byte, "in string literal")),
                byte => out.push(byte),
            }
        }
        Ok(match String::from_utf8(out) {
            Ok(text) => text.into_bytes(),
            Err(error) => cowherd_template::lossy(error.as_bytes()).into_owned().into_bytes(),
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.push(match self.next_inside() {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.code_point()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            byte => return Err(unexpected(byte, "in string escape code")),
        });
        Ok(())
    }

    /// A character as four hexadecimal digits, or as two of them; halves without the other are replaced.
    fn code_point(&mut self) -> Result<char> {
        let first = self.hexadecimal()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let before = self.at;
        if self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let halves = [first, self.hexadecimal()?].map(|half| u16::try_from(half).unwrap_or_default());
            if let Some(Ok(c)) = char::decode_utf16(halves).next() {
                return Ok(c);
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hexadecimal(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.next_inside();
            let digit = char::from(byte).to_digit(16);
            code = code << 4 | digit.ok_or_else(|| unexpected(byte, "in \\u hexadecimal character escape"))?;
        }
        Ok(code)
    }
}
