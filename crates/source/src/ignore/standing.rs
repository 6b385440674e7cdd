//! What patterns say of a directory, kept so that what is in it is compared with them by itself, not with all that is above.

use std::sync::Arc;

use cowherd_tree::{ContentId, TreePath};
use sha2::{Digest as _, Sha256};

use super::patterns::Patterns;

/// What all patterns that apply in a directory say of the directory itself.
#[derive(Debug)]
pub(super) struct Standing {
    /// Those that decide before the files in directories.
    given: Said,
    /// Those of files, from the root down. Those of the directory itself are the last ones.
    of_files: Vec<Said>,
    /// Those that decide after them.
    base: Said,
    /// Of all patterns that apply.
    digest: [u8; 32],
}

/// What patterns say.
#[derive(Clone, Debug)]
struct Said {
    patterns: Arc<Patterns>,
    /// Where in a path the part begins that they are relative to.
    start: usize,
    /// The last one that fits.
    fits: Option<usize>,
}

impl Said {
    fn of(patterns: Patterns, start: usize) -> Self {
        Self { patterns: Arc::new(patterns), start, fits: None }
    }

    /// The last pattern that fits `path`, which is in the directory that this was said of.
    fn fitting(&self, path: &TreePath, is_directory: bool) -> Option<usize> {
        let path = path.as_str().get(self.start..).unwrap_or_default();
        self.patterns.last_fitting(path, is_directory, self.fits)
    }

    fn of_child(&self, path: &TreePath) -> Self {
        let fits = if path.is_root() { None } else { self.fitting(path, true) };
        Self { fits, ..self.clone() }
    }
}

impl Standing {
    /// What patterns say that are in no directory: some that decide before all others, and some that decide after them.
    pub(super) fn outermost(given: Patterns, base: Patterns) -> Self {
        let digest = digest(&[&given.digest, &base.digest]);
        Self { given: Said::of(given, 0), of_files: Vec::new(), base: Said::of(base, 0), digest }
    }

    /// What is said of the directory at `path`, which is in this one and has `patterns` of its own.
    pub(super) fn of_child(&self, path: &TreePath, patterns: Patterns) -> Self {
        let digest = digest(&[&self.digest, &patterns.digest]);
        let start = if path.is_root() { 0 } else { path.as_str().len() + 1 };
        let own = (patterns.len() > 0).then(|| Said::of(patterns, start));
        let of_files = self.of_files.iter().map(|said| said.of_child(path)).chain(own).collect();
        Self { given: self.given.of_child(path), of_files, base: self.base.of_child(path), digest }
    }

    /// Whether what is at `path`, in this directory, is hidden.
    pub(super) fn hides(&self, path: &TreePath, is_directory: bool) -> bool {
        let in_turn = [&self.given].into_iter().chain(self.of_files.iter().rev()).chain([&self.base]);
        let mut verdicts = in_turn.filter_map(|said| Some(said.patterns.hides(said.fitting(path, is_directory)?)));
        verdicts.next().unwrap_or(false)
    }

    /// The id of a directory in this one, of which the tree below has another one.
    pub(super) fn id(&self, below: &ContentId) -> ContentId {
        ContentId::new(&digest(&[below.as_bytes(), &self.digest]))
    }

    /// How many patterns it holds.
    pub(super) fn cost(&self) -> usize {
        self.of_files.iter().map(|said| said.patterns.len()).sum()
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}
