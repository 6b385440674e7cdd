//! The files of a packed chart.

use cowherd_tree::{ArchiveLimits, TreePath, unpack};

use super::load::{Budget, LoadError};
use super::{File, directory};

/// The files of the archive `packed`, whose `.helmignore` does not count. `name` is the archive's, for errors.
pub(super) fn files(name: &str, packed: &[u8], budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    let limits = ArchiveLimits {
        unpacked: budget.remaining_bytes(),
        file: budget.limits.file_bytes,
        ..ArchiveLimits::default()
    };
    let tree = unpack(packed, &limits).map_err(|source| LoadError::Archive { name: name.to_owned(), source })?;
    directory::all_files(&tree, &TreePath::root(), budget)
}
