//! Tags that do not count.

use cowherd_pattern::{Limits, Regex};

/// The most bytes of memory that one of the regular expressions may take.
const MAX_PATTERN: usize = 64 << 10;

/// Regular expressions of tags that do not count.
pub(super) struct Exclusions(Vec<Regex>);

impl Exclusions {
    /// Reads regular expressions of Go.
    ///
    /// # Errors
    /// When one is none, which is said in Flux's words.
    pub(super) fn new(patterns: &[String]) -> Result<Self, String> {
        let compile = |pattern: &String| {
            let compiled = Regex::new(pattern, Limits { bytes: MAX_PATTERN });
            compiled.map_err(|error| format!("failed to compile regex {pattern}: {error}; correct spec.exclusionList"))
        };
        patterns.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a tag counts.
    pub(super) fn let_through(&self, tag: &str) -> bool {
        !self.0.iter().any(|pattern| pattern.is_match(tag))
    }
}
