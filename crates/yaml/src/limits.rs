//! How much YAML is read before reading it is refused.

/// What a text of the most bytes takes that is made as manifests are.
const MEMORY: usize = 256 * 1024 * 1024;

/// The bounds that keep a hostile or broken file from taking the reader's memory or stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a text may have.
    pub bytes: usize,
    /// The most collections that may stand inside each other, aliases expanded.
    pub depth: usize,
    /// The most documents in one text, empty ones included.
    pub documents: usize,
    /// The most that aliases and merge keys may add to a text: nodes plus bytes of text in what they copy.
    pub expansion: usize,
    /// The most bytes of memory that all lists and maps of a text may take, roughly; see [`crate::Weight`].
    pub memory: usize,
}

impl Default for Limits {
    /// What a manifest never needs and a machine easily bears.
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, depth: 120, documents: 100_000, expansion: 4 * 1024 * 1024, memory: MEMORY }
    }
}
