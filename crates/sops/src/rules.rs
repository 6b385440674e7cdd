//! Which values of a document are encrypted.

use regex::{Regex, RegexBuilder};

/// The most bytes that a pattern may take once it is compiled.
const MAX_PATTERN: usize = 1024 * 1024;

/// What decides whether a value is encrypted: its keys, or the comments before it.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// All but what stands below a key that ends so.
    UnencryptedSuffix(String),
    /// Only what stands below a key that ends so.
    EncryptedSuffix(String),
    /// All but what stands below a key that matches.
    UnencryptedKey(Regex),
    /// Only what stands below a key that matches.
    EncryptedKey(Regex),
    /// All but what stands below a comment that matches.
    UnencryptedComment(Regex),
    /// Only what stands below a comment that matches.
    EncryptedComment(Regex),
}

/// The comments before a value that count for it, from the outermost mapping to its own.
pub(crate) type Comments = Vec<Vec<String>>;

impl Rule {
    /// The pattern that a document names.
    pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
        let built = RegexBuilder::new(text).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
        built.map_err(|_| "is no regular expression, or one that is too large".to_owned())
    }

    /// Whether the value at `path` is encrypted; `is_comment` where it is the last of `comments` itself.
    pub(crate) fn encrypts(&self, path: &[String], comments: &Comments, is_comment: bool) -> bool {
        let any_key = |is: &dyn Fn(&str) -> bool| path.iter().any(|key| is(key));
        match self {
            Self::UnencryptedSuffix(suffix) => !any_key(&|key| key.ends_with(suffix.as_str())),
            Self::EncryptedSuffix(suffix) => any_key(&|key| key.ends_with(suffix.as_str())),
            Self::UnencryptedKey(pattern) => !any_key(&|key| pattern.is_match(key)),
            Self::EncryptedKey(pattern) => any_key(&|key| pattern.is_match(key)),
            Self::UnencryptedComment(pattern) => !comments.iter().flatten().any(|comment| pattern.is_match(comment)),
            Self::EncryptedComment(pattern) => {
                let all = comments.iter().map(Vec::len).sum::<usize>();
                // The comment that says so is not encrypted itself.
                let counted = if is_comment { all.saturating_sub(1) } else { all };
                comments.iter().flatten().take(counted).any(|comment| pattern.is_match(comment))
            }
        }
    }
}
