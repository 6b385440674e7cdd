//! What can be chosen about fetching artifacts.

use std::time::Duration;

use cowherd_tree::{ArchiveLimits, MAX_FILE_SIZE};

/// What can be chosen about fetching artifacts.
#[derive(Clone, Debug)]
pub struct ArtifactOptions {
    /// How much of a layer is downloaded and unpacked. Of files that are larger than anybody reads, only the size is kept.
    pub archive: ArchiveLimits,
    /// How many bytes of manifests are kept on disk.
    pub max_manifests: u64,
    /// How many bytes of unpacked layers that nobody reads are kept on disk.
    pub max_layers: u64,
    /// For how long after the start no layer is removed: whoever read one before the start comes back for it.
    pub settling: Duration,
}

impl Default for ArtifactOptions {
    /// 256 MiB to download, 1 GiB to unpack, as much as is transferred of a Git repository; five minutes to come back.
    fn default() -> Self {
        let archive =
            ArchiveLimits { packed: 256 << 20, unpacked: 1 << 30, file: MAX_FILE_SIZE, ..ArchiveLimits::default() };
        Self { archive, max_manifests: 64 << 20, max_layers: 1 << 30, settling: Duration::from_secs(5 * 60) }
    }
}
