//! How a text is encoded: in UTF-8, or in UTF-16 with a byte order mark, as editors and shells of Windows write it.

use std::borrow::Cow;

use crate::{Problem, YamlError};

const MARK: char = '\u{feff}';

/// Whether `text` begins with a byte order mark of UTF-16.
pub(crate) fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

/// `text` without byte order marks where it or a document of it begins.
pub(crate) fn decoded(text: &[u8]) -> Result<Cow<'_, str>, YamlError> {
    let unit = if text.starts_with(b"\xff\xfe") { u16::from_le_bytes } else { u16::from_be_bytes };
    let decoded = if is_utf16(text) { Cow::Owned(from_utf16(text, unit)?) } else { from_utf8(text)?.into() };
    Ok(if decoded.contains(MARK) { without_marks(&decoded).into() } else { decoded })
}

fn from_utf8(text: &[u8]) -> Result<&str, YamlError> {
    std::str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let marked = line.len() == before.len() && before.starts_with(b"\xef\xbb\xbf");
        let column = line.len() + 1 - if marked { MARK.len_utf8() } else { 0 };
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        YamlError { line: lines + 1, column, problem: Problem::Encoding }
    })
}

fn from_utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, YamlError> {
    let (pairs, rest) = text.as_chunks::<2>();
    let mut out = String::with_capacity(pairs.len());
    let (mut line, mut column) = (1, 1);
    let broken = |line, column| Err(YamlError { line, column, problem: Problem::Encoding });
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let Ok(character) = character else { return broken(line, column) };
        out.push(character);
        (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    if rest.is_empty() { Ok(out) } else { broken(line, column) }
}

/// `text` without byte order marks at its beginning and on lines behind `---`: files are often put together of several.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for line in text.split_inclusive('\n') {
        out.push_str(line.strip_prefix(MARK).filter(|_| begins).unwrap_or(line));
        begins = line.starts_with("---");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf_16_is_read_where_a_mark_says_so() {
        let text = "\u{feff}a: é😀\n";
        for bytes in [utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes), text.as_bytes().to_vec()] {
            assert_eq!(decoded(&bytes).unwrap(), "a: é😀\n");
        }
        let mut cut = utf16("\u{feff}a: 1\nb", u16::to_le_bytes);
        cut.pop();
        let error = decoded(&cut).unwrap_err();
        assert_eq!((error.line, error.column, error.problem), (2, 1, Problem::Encoding));
        let lone: Vec<u8> = [0xfeff, 0x61, 0xd800, 0x62].into_iter().flat_map(u16::to_be_bytes).collect();
        assert!(decoded(&lone).is_err());
    }

    #[test]
    fn marks_go_where_a_document_begins() {
        let text = "\u{feff}a: 1\n--- # b\n\u{feff}b: \u{feff}\n\u{feff}c: 1\n";
        assert_eq!(decoded(text.as_bytes()).unwrap(), "a: 1\n--- # b\nb: \u{feff}\n\u{feff}c: 1\n");
        let error = decoded(b"\xef\xbb\xbfa: \xe9\n").unwrap_err();
        assert_eq!((error.line, error.column), (1, 4));
    }
}
