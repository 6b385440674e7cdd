//! Strings and characters as Go literals: `strconv.Quote` and its relatives.

use super::character::is_print;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `strconv.Quote`: a string as a Go literal in double quotes. Bytes that are no UTF-8 are written as `\x`.
pub fn quote(text: &[u8]) -> String {
    quoted(text, false)
}

/// `strconv.QuoteToASCII`: as [`quote`], with everything that is not ASCII escaped.
pub fn quote_to_ascii(text: &[u8]) -> String {
    quoted(text, true)
}

fn quoted(text: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            escape(character, '"', ascii, &mut out);
        }
        for byte in chunk.invalid() {
            out.push_str("\\x");
            hex(u32::from(*byte), 2, &mut out);
        }
    }
    out.push('"');
    out
}

/// `strconv.QuoteRune`: a character as a Go literal in single quotes; of everything that is not ASCII the code where
/// `ascii` is set.
pub fn quote_rune(character: char, ascii: bool) -> String {
    let mut out = String::from("'");
    escape(character, '\'', ascii, &mut out);
    out.push('\'');
    out
}

fn escape(character: char, quote: char, ascii: bool, out: &mut String) {
    if character == quote || character == '\\' {
        out.push('\\');
        out.push(character);
        return;
    }
    if is_print(character) && (character.is_ascii() || !ascii) {
        out.push(character);
        return;
    }
    match character {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        _ if character < ' ' || character == '\x7f' => {
            out.push_str("\\x");
            hex(u32::from(character), 2, out);
        }
        _ if u32::from(character) < 0x10000 => {
            out.push_str("\\u");
            hex(u32::from(character), 4, out);
        }
        _ => {
            out.push_str("\\U");
            hex(u32::from(character), 8, out);
        }
    }
}

fn hex(number: u32, digits: u32, out: &mut String) {
    for place in (0..digits).rev() {
        out.push(char::from(HEX[(number >> (4 * place) & 15) as usize]));
    }
}

/// `strconv.CanBackquote`: whether a string can stand between backquotes as it is.
pub fn can_backquote(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    !text.chars().any(|character| match character {
        '\t' => false,
        '`' | '\x7f' | '\u{feff}' => true,
        // An encoded replacement character is a character as others.
        _ => character < ' ',
    })
}

/// What `%#U` makes of a character: its code, and itself where it can be printed.
pub fn code_point(character: char) -> String {
    let code = format!("U+{:04X}", u32::from(character));
    if is_print(character) { format!("{code} '{character}'") } else { code }
}
