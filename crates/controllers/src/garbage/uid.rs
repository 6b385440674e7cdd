//! What tells an object from all others that ever were.

use std::fmt;
use std::sync::Arc;

/// Where the groups of a UUID end.
const DASHES: [usize; 4] = [8, 13, 18, 23];
/// How many characters a UUID has.
const LENGTH: usize = 36;

/// The uid of an object. Those that the API gives are UUIDs, of which many are kept: one takes sixteen bytes. Who names an
/// owner may write any text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A UUID as it is written, in small letters.
    Uuid([u8; 16]),
    /// Anything else.
    Text(Arc<str>),
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

/// The bytes of a UUID; nothing of a text that they would not give back.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let (mut bytes, mut digits) = ([0; 16], 0);
    for (place, character) in text.bytes().enumerate() {
        let digit = match character {
            b'-' if DASHES.contains(&place) => continue,
            b'0'..=b'9' if !DASHES.contains(&place) => character - b'0',
            b'a'..=b'f' if !DASHES.contains(&place) => character - b'a' + 10,
            _ => return None,
        };
        let byte = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | digit;
        digits += 1;
    }
    (text.len() == LENGTH).then_some(bytes)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self {
            Self::Uuid(bytes) => bytes,
            Self::Text(text) => return f.write_str(text),
        };
        for (place, byte) in bytes.iter().enumerate() {
            let dash = if [4, 6, 8, 10].contains(&place) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_takes_little_and_any_text_is_what_it_was() {
        let uuid = "0123abcd-4567-89ef-0123-456789abcdef";
        assert!(matches!(Uid::from(uuid), Uid::Uuid(_)));
        for text in [
            "",
            "u",
            "ü",
            "0123ABCD-4567-89ef-0123-456789abcdef",
            "0123abcd4567-89ef-0123-456789abcdef0",
            "0123abcd-4567-89ef-0123-456789abcde",
            "0123abcd-4567-89ef-0123-456789abcdef0",
            "-123abcd-4567-89ef-0123-456789abcdef",
            "0123abcd-4567-89ef-0123-456789abcdeg",
            "0123abcd-4567-89ef-01230456789abcdef",
        ] {
            assert!(matches!(Uid::from(text), Uid::Text(_)), "{text:?}");
            assert_eq!(Uid::from(text).to_string(), text);
        }
        assert_eq!(Uid::from(uuid).to_string(), uuid);
        assert_ne!(Uid::from(uuid), Uid::from("1123abcd-4567-89ef-0123-456789abcdef"));
        assert_eq!(size_of::<Uid>(), 24);
    }
}
