//! What can be chosen about mirrors.

use std::path::{Path, PathBuf};

/// What can be chosen about mirrors.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// The `ssh` program; looked for in the `PATH` if it is only a name.
    pub ssh: PathBuf,
    /// How many commits a mirror holds before it is begun anew with the next one, which is what bounds its growth
    /// and drops what nothing refers to any more. Each commit is a pack of its own.
    pub max_commits: usize,
    /// Which repositories of this machine are read.
    pub local: LocalAccess,
}

/// Which repositories of this machine are read.
///
/// Whoever writes a manifest can name any path, and what is read ends up in the cluster: a path is read on the word
/// of whoever runs the program, not of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAccess {
    /// All that the process may read.
    Any,
    /// Those at, or below, these paths.
    Only(Vec<PathBuf>),
}

impl LocalAccess {
    /// Whether the repository at `path` is read.
    pub(crate) fn allows(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match self {
            Self::Any => true,
            Self::Only(allowed) => allowed.iter().any(|allowed| real(path).starts_with(real(allowed))),
        }
    }
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self { ssh: PathBuf::from("ssh"), max_commits: 256, local: LocalAccess::Any }
    }
}
