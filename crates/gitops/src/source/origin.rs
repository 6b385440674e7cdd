//! From which source an artifact was made that somebody pushed.

use std::collections::BTreeMap;

/// Under which name an artifact says what it was made of.
const SOURCE: &str = "org.opencontainers.image.source";
/// Under which name it says of which revision.
const REVISION: &str = "org.opencontainers.image.revision";

/// How long either may be, in bytes. What is longer, or would steer a terminal, is no name of anything.
const LONGEST: usize = 1024;

/// From which source an artifact was made, as whoever pushed it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The URL of the repository.
    pub(crate) source: Option<String>,
    /// The revision, mostly as Flux writes it: `main@sha1:<commit>`.
    pub(crate) revision: Option<String>,
}

impl Origin {
    /// What the annotations of an artifact say.
    pub(crate) fn of(annotations: &BTreeMap<String, String>) -> Self {
        let is_name = |text: &&String| (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
        let text = |name| annotations.get(name).filter(is_name).cloned();
        Self { source: text(SOURCE), revision: text(REVISION) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_anything_is_not_told() {
        let of = |text: &str| Origin::of(&BTreeMap::from([(REVISION.to_owned(), text.to_owned())])).revision;
        assert_eq!(of("main@sha1:1").as_deref(), Some("main@sha1:1"));
        for text in ["", "main\u{1b}[31m", "a\nb", &"x".repeat(LONGEST + 1)] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }
}
