//! What can be chosen about fetching charts.

use cowherd_tree::ArchiveLimits;

/// What can be chosen about fetching charts.
#[derive(Clone, Debug)]
pub struct ChartOptions {
    /// How much of an archive is downloaded and unpacked.
    pub archive: ArchiveLimits,
    /// The most bytes that the index of a repository may have. The largest public ones have some tens of megabytes.
    pub max_index: usize,
    /// How many bytes of what was downloaded are kept on disk.
    pub max_cache: u64,
}

impl Default for ChartOptions {
    fn default() -> Self {
        Self { archive: ArchiveLimits::default(), max_index: 128 << 20, max_cache: 1 << 30 }
    }
}
