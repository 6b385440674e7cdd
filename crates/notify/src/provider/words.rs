//! Words that several services are told in.

use ring::digest;

use crate::event::Event;

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}

/// The SHA-1 of a text, by which services know what they were told before.
pub(super) fn sha1(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// `kustomization/web`.
pub(super) fn short_name(event: &Event) -> String {
    format!("{}/{}", event.kind(), event.name()).to_lowercase()
}

/// The reason as words: `health check failed`.
pub(super) fn description(event: &Event) -> String {
    parts(&event.reason).join(" ").to_lowercase()
}

/// The parts of a word in CamelCase, as they read: `PDFLoader` is `PDF` and `Loader`.
fn parts(word: &str) -> Vec<String> {
    let class = |c: char| match c {
        c if c.is_lowercase() => 1,
        c if c.is_uppercase() => 2,
        c if c.is_numeric() => 3,
        _ => 4,
    };
    let mut runs: Vec<(u8, Vec<char>)> = Vec::new();
    for c in word.chars() {
        match runs.last_mut() {
            Some((last, run)) if *last == class(c) => run.push(c),
            _ => runs.push((class(c), vec![c])),
        }
    }
    for index in 1..runs.len() {
        let (before, after) = runs.split_at_mut(index);
        if let (Some((2, upper)), Some((1, lower))) = (before.last_mut(), after.first_mut())
            && let Some(last) = upper.pop()
        {
            lower.insert(0, last);
        }
    }
    runs.into_iter().filter(|(_, run)| !run.is_empty()).map(|(_, run)| run.into_iter().collect()).collect()
}

/// Text as the value of a form or a query has it.
pub(super) fn escaped(text: &str) -> String {
    escape(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

/// Text as a part of a path has it.
pub(super) fn path_part(text: &str) -> String {
    escape(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&byte))
}

fn escape(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |text, byte| match is_plain(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_camel_case_are_taken_apart_as_they_read() {
        for (word, read) in [
            ("HealthCheckFailed", "Health Check Failed"),
            ("PDFLoader", "PDF Loader"),
            ("AB12c", "AB 12 c"),
            ("lower", "lower"),
            ("a.B", "a . B"),
            ("", ""),
        ] {
            assert_eq!(parts(word).join(" "), read);
        }
    }
}
