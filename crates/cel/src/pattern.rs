//! Patterns of `matches`, and what they cost.

use std::fmt;

use cowherd_pattern::{Limits, Regex};

/// How large a compiled pattern may be, in bytes: one that nobody means ill with has few hundreds.
const LARGEST: usize = 256 << 10;

/// A pattern that is compiled.
pub(crate) struct Pattern(Regex);

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().fmt(f)
    }
}

impl Pattern {
    pub fn compile(source: &str) -> Result<Self, String> {
        let compiled = Regex::new(source, Limits { bytes: LARGEST });
        compiled.map(Self).map_err(|error| format!("error parsing regexp: {error}"))
    }

    /// What it costs to compile it: at least as much as it takes in the worst case.
    pub fn cost_to_compile(source: &str) -> usize {
        2_000 + 20 * source.len()
    }

    /// What it costs to keep it, beyond what a small one does: there may be many of them in an expression.
    pub fn cost_to_keep(&self) -> usize {
        1_000 * self.0.weight().saturating_sub(1)
    }

    /// What it costs to look for it: in the worst case each state of the pattern is looked at for each byte.
    pub fn cost_to_match(&self, text: &str) -> usize {
        1 + text.len().saturating_mul(self.0.weight()) / 16
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}
