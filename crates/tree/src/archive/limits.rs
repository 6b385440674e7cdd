//! How much of an archive is unpacked before it is refused.

/// The bounds that keep a hostile or broken archive from taking the reader's memory or time.
///
/// How far content may be packed is not bounded on its own: what matters is what comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// The most bytes that the archive itself may have.
    pub packed: u64,
    /// The bytes that the files may have together. Helm refuses an archive that reaches them, and so do we.
    pub unpacked: u64,
    /// The most bytes that a single file may have.
    pub file: u64,
    /// The most entries: files, directories, links and headers.
    pub entries: usize,
    /// The most bytes that the path of an entry may have.
    pub path: usize,
}

impl Default for ArchiveLimits {
    /// Helm's own limits, 100 MiB together and 5 MiB for a file, and beside them what no chart comes near.
    fn default() -> Self {
        Self { packed: 64 << 20, unpacked: 100 << 20, file: 5 << 20, entries: 50_000, path: 4096 }
    }
}
