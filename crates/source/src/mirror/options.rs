//! What can be chosen about mirrors.

use std::path::PathBuf;

/// What can be chosen about mirrors.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// The `ssh` program; looked for in the `PATH` if it is only a name.
    pub ssh: PathBuf,
    /// How many commits a mirror holds before it is begun anew with the next one, which is what bounds its growth
    /// and drops what nothing refers to any more. Each commit is a pack of its own.
    pub max_commits: usize,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self { ssh: PathBuf::from("ssh"), max_commits: 256 }
    }
}
