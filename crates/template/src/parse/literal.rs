//! What string literals say: `strconv.Unquote`.

use crate::value::Text;

/// The text of a literal in double quotes or backquotes; `None` where it is malformed.
pub(super) fn unquote(literal: &str) -> Option<Text> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.starts_with('`') {
        return Some(if inner.contains('\r') { inner.replace('\r', "").into() } else { inner.into() });
    }
    if !inner.contains('\\') {
        return (!inner.contains(['"', '\n'])).then(|| inner.into());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, tail) = unquote_char(rest, '"')?;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Character(character) => out.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
        rest = tail;
    }
    Some(Text::from_bytes(out))
}

/// What a character of a literal stands for.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Byte(u8),
    Character(char),
}

/// `strconv.UnquoteChar`: the first character of a literal's inside, and what follows it.
pub(super) fn unquote_char(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut rest = text.chars();
    let first = rest.next()?;
    if first == quote || first == '\n' && quote == '"' {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Character(first), rest.as_str()));
    }
    let escape = rest.next()?;
    let tail = rest.as_str();
    let plain = |character| Some((Unit::Character(character), tail));
    match escape {
        'a' => plain('\x07'),
        'b' => plain('\x08'),
        'f' => plain('\x0c'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\x0b'),
        '\\' => plain('\\'),
        _ if escape == quote => plain(quote),
        'x' => {
            let (code, tail) = digits(tail, 2, 16)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), tail))
        }
        'u' | 'U' => {
            let (code, tail) = digits(tail, if escape == 'u' { 4 } else { 8 }, 16)?;
            Some((Unit::Character(char::from_u32(code)?), tail))
        }
        '0'..='7' => {
            let start = text.get(1..)?;
            let (code, tail) = digits(start, 3, 8)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), tail))
        }
        _ => None,
    }
}

fn digits(text: &str, count: usize, base: u32) -> Option<(u32, &str)> {
    let (digits, tail) = text.split_at_checked(count)?;
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    Some((u32::from_str_radix(digits, base).ok()?, tail))
}
