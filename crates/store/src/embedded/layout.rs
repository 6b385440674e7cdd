//! The tables in the file.

use redb::TableDefinition;

/// The format that this version writes.
pub(crate) const FORMAT: u64 = 1;

/// Every key that exists → the revisions that created it and that wrote it last.
pub(crate) const KEYS: TableDefinition<&str, (u64, u64)> = TableDefinition::new("keys");

/// Revision → the value that it wrote. Kept while the key still has the value, or history still shows it.
pub(crate) const VALUES: TableDefinition<u64, &[u8]> = TableDefinition::new("values");

/// Revision → what it changed. Kept until compacted.
pub(crate) const LOG: TableDefinition<u64, LogRow> = TableDefinition::new("log");

/// (the revision that wrote the key before, or 0; the revision that created the key; whether it was deleted; the key)
pub(crate) type LogRow = (u64, u64, bool, &'static str);

/// What is written to see whether anything can be, and gone again.
pub(crate) const PROBE: TableDefinition<u64, &[u8]> = TableDefinition::new("probe");

/// Numbers about the store itself.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// In [`META`]: the format of the file.
pub(crate) const META_FORMAT: &str = "format";
/// In [`META`]: the last revision.
pub(crate) const META_REVISION: &str = "revision";
/// In [`META`]: the revision up to which the log is compacted.
pub(crate) const META_COMPACTED: &str = "compacted";
