//! Patterns of schemas: written in Go's syntax of regular expressions, matched with Rust's.

use std::sync::{Arc, OnceLock};

use cowherd_pattern::{Limits, Regex};

/// A pattern, compiled when first matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    source: Box<str>,
    compiled: Arc<OnceLock<Result<Regex, String>>>,
}

impl Pattern {
    /// A pattern in Go's syntax, which may be wrong.
    pub fn new(source: &str) -> Self {
        Self { source: source.into(), compiled: Arc::default() }
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether `text` holds a match; the error says why the pattern is none.
    pub fn matches(&self, text: &str) -> Result<bool, &str> {
        match self.compiled.get_or_init(|| compile(&self.source)) {
            Ok(regex) => Ok(regex.is_match(text)),
            Err(error) => Err(error),
        }
    }
}

/// How large a compiled pattern may be, in bytes.
const LARGEST: usize = 10 << 20;

/// Compiles a pattern in Go's syntax.
pub(crate) fn compile(source: &str) -> Result<Regex, String> {
    Regex::new(source, Limits { bytes: LARGEST }).map_err(|error| error.to_string())
}
