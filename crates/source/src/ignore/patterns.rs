//! Patterns, and which of them fits.

use gix::bstr::ByteSlice as _;
use gix::glob::pattern::Case;
use gix::glob::wildmatch;
use sha2::{Digest as _, Sha256};

/// Patterns, relative to one directory, and a digest of them.
#[derive(Debug)]
pub(super) struct Patterns {
    patterns: Vec<gix::glob::Pattern>,
    pub(super) digest: [u8; 32],
}

impl Patterns {
    pub(super) fn parse(texts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        let mut patterns = Vec::new();
        for text in texts {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
            let lines = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#'));
            patterns.extend(lines.filter_map(|line| gix::glob::Pattern::from_bytes(line.as_bytes())));
        }
        Self { patterns, digest: digest.finalize().into() }
    }

    pub(super) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The last pattern that fits `path`, or `above` where that is later: what fits one of the directories above.
    pub(super) fn last_fitting(&self, path: &str, is_directory: bool, above: Option<usize>) -> Option<usize> {
        let basename = path.rfind('/').map(|slash| slash + 1);
        let fits = |pattern: &gix::glob::Pattern| {
            let mode = wildmatch::Mode::NO_MATCH_SLASH_LITERAL;
            let path = path.as_bytes().as_bstr();
            pattern.matches_repo_relative_path(path, basename, Some(is_directory), Case::Sensitive, mode)
        };
        let first = above.map_or(0, |above| above + 1);
        let later = self.patterns.get(first..).unwrap_or_default();
        later.iter().rposition(fits).map(|at| first + at).or(above)
    }

    /// Whether the pattern at a place hides what it fits.
    pub(super) fn hides(&self, at: usize) -> bool {
        self.patterns.get(at).is_some_and(|pattern| !pattern.is_negative())
    }
}
