//! Templates that are not UTF-8: a byte that is none of a character stands as a character of its own while the text is
//! split and read, and as itself again in what is written.

use std::borrow::Cow;

use crate::value::Text;

/// What stands for the byte 0; the others follow. It is the end of what Unicode leaves to private use.
const FIRST: u32 = 0x10_ff00;

/// `text` with a character for each stray byte.
pub(crate) fn readable(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() * 2);
    for chunk in text.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
    }
    out.into()
}

/// The text that [`readable`] was made of.
pub(super) fn written(text: &str) -> Text {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match stray(character) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Text::from_bytes(out)
}

/// The text with `U+FFFD` for each stray byte, as Go has it between double quotes.
pub(super) fn replaced(text: &str) -> String {
    let replaced = |character| stray(character).map_or(character, |_| char::REPLACEMENT_CHARACTER);
    text.chars().map(replaced).collect()
}

fn stray(character: char) -> Option<u8> {
    u32::from(character).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok())
}
