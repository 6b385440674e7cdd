//! The armor of OpenPGP: base64 between two lines, with headers before it and a checksum behind.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What is in the first armor of this kind.
pub fn decode(text: &str, kind: &str) -> Option<Vec<u8>> {
    all(text, kind).next()?
}

/// What is in each armor of this kind, in their order; `None` where one cannot be read.
pub fn all<'t>(text: &'t str, kind: &str) -> impl Iterator<Item = Option<Vec<u8>>> + 't {
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&begin)?;
        match behind.split_once(&end) {
            Some((body, behind)) => {
                rest = behind;
                Some(content(body))
            }
            None => {
                rest = "";
                Some(None)
            }
        }
    })
}

/// What is in a text that is one armor of this kind, and nothing besides.
pub fn only(text: &str, kind: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {kind}-----"))?;
    let body = body.strip_suffix(&format!("-----END {kind}-----"))?;
    (!body.contains("-----")).then(|| content(body))?
}

fn content(body: &str) -> Option<Vec<u8>> {
    let lines = body.lines().map(str::trim).skip(1);
    // Headers end with an empty line, and are there or not.
    let has_headers = lines.clone().take_while(|line| !line.is_empty()).all(|line| line.contains(": "));
    let lines = lines.skip_while(|line| has_headers && !line.is_empty());
    let digits: String = lines.take_while(|line| !line.starts_with('=')).collect();
    BASE64_STANDARD.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "-----BEGIN X-----\nVersion: 1\n\nYQ==\n=abcd\n-----END X-----\nand\n-----BEGIN X-----\n\nYg==\n-----END X-----\n";

    #[test]
    fn what_is_armored_is_found_whatever_stands_around_it() {
        assert_eq!(decode(TWO, "X").unwrap(), b"a");
        assert_eq!(all(TWO, "X").collect::<Vec<_>>(), [Some(b"a".to_vec()), Some(b"b".to_vec())]);
        assert_eq!(all("-----BEGIN X-----\n\nYQ==\n", "X").collect::<Vec<_>>(), [None]);
        assert_eq!(decode(TWO, "Y"), None);
    }

    #[test]
    fn one_armor_alone_is_nothing_else() {
        let (first, _) = TWO.split_once("and").unwrap();
        assert_eq!(only(first, "X").unwrap(), b"a");
        assert_eq!(only(&format!("\n{first}\n"), "X").unwrap(), b"a");
        for text in [TWO.to_owned(), format!("a\n{first}"), format!("{first}b"), String::new()] {
            assert_eq!(only(&text, "X"), None, "{text}");
        }
    }
}
