//! A rule: what is taken of which source, and where it goes.

use cowherd_tree::TreePath;

use crate::pattern::Excludes;
use crate::{Cause, Effort};

/// What is done where a file goes to which others may have gone before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// It replaces what was there.
    #[default]
    Overwrite,
    /// It is merged into what was there, as Helm merges values.
    Merge,
    /// It is an archive, and what is in it goes there.
    Extract,
}

impl Strategy {
    /// The strategy of this name; of none, the one that counts where nothing is said.
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "" | "Overwrite" => Some(Self::Overwrite),
            "Merge" => Some(Self::Merge),
            "Extract" => Some(Self::Extract),
            _ => None,
        }
    }
}

/// What is taken of which source, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `@alias/` and a path, or a pattern of paths.
    pub from: String,
    /// `@artifact/` and a path.
    pub to: String,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// What is done where something is already.
    pub strategy: Strategy,
}

/// The most patterns of what a rule leaves out, and the most bytes of each.
const MAX_EXCLUDES: usize = 100;
const MAX_EXCLUDE: usize = 1024;

/// A rule that was understood.
pub(crate) struct Understood<'a> {
    pub(crate) alias: &'a str,
    pub(crate) pattern: &'a str,
    /// Where it goes, as it is written behind `@artifact/`.
    pub(crate) to: &'a str,
    pub(crate) excludes: Excludes,
    pub(crate) strategy: Strategy,
}

impl Rule {
    /// The source that it names.
    pub fn alias(&self) -> Option<&str> {
        Some(self.from.strip_prefix('@')?.split_once('/')?.0)
    }

    pub(crate) fn understood(&self, effort: &Effort<'_>) -> Result<Understood<'_>, Cause> {
        let wrong = |problem| Cause::From { text: self.from.clone(), problem };
        let from = self.from.strip_prefix('@').ok_or_else(|| wrong("source must start with '@'"))?;
        let (alias, pattern) = from.split_once('/').ok_or_else(|| wrong("source format must be '@alias/pattern'"))?;
        let to = self.to.strip_prefix("@artifact/").ok_or_else(|| Cause::To { text: self.to.clone() })?;
        if self.exclude.len() > MAX_EXCLUDES || self.exclude.iter().any(|pattern| pattern.len() > MAX_EXCLUDE) {
            return Err(Cause::Excludes { count: self.exclude.len(), limit: MAX_EXCLUDES, length: MAX_EXCLUDE });
        }
        Ok(Understood { alias, pattern, to, excludes: Excludes::read(&self.exclude, effort)?, strategy: self.strategy })
    }
}

impl Understood<'_> {
    /// Whether it takes all that a pattern fits, and not what stands at one path.
    pub(crate) fn is_glob(&self) -> bool {
        self.pattern.contains(['*', '?', '[', ']'])
    }

    /// Whether it goes into a directory under the name that it has.
    pub(crate) fn goes_into(&self) -> bool {
        self.to.is_empty() || self.to.ends_with('/')
    }

    /// Where `path` goes, which was written relative to where the rule puts things.
    pub(crate) fn destination(&self, path: &str) -> Result<TreePath, Cause> {
        let root = TreePath::root();
        // A path that begins at the root of a file system is none of an artifact, wherever it is written.
        let joined = if self.to.is_empty() { path.to_owned() } else { format!("{}/{path}", self.to) };
        Ok(root.join(&joined)?)
    }
}
