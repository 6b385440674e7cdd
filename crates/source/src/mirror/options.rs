//! What can be chosen about mirrors.

use std::path::PathBuf;
use std::time::Duration;

/// What can be chosen about mirrors.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// The `ssh` program; looked for in the `PATH` if it is only a name.
    pub ssh: PathBuf,
    /// How many commits a mirror holds before it is begun anew with the next one, which is what bounds its growth
    /// and drops what nothing refers to any more. Each commit is a pack of its own.
    pub max_commits: usize,
    /// How many bytes of mirrors that nobody needs are kept on disk.
    pub max_idle: u64,
    /// For how long after the start none is removed: whoever needed one before the start comes back for it.
    pub settling: Duration,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self { ssh: PathBuf::from("ssh"), max_commits: 256, max_idle: 1 << 30, settling: Duration::from_secs(5 * 60) }
    }
}
