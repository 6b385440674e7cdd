//! Whether the file still has its name. What is written into a file without one is gone with the process, whatever was
//! acknowledged: `git clean -x`, for one, removes data directories under those who use them.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::StorageFailure;

/// The name of a file that is open.
pub(crate) struct Name {
    path: PathBuf,
    /// Which file had the name when it was opened; nothing where that could not be told.
    file: Option<(u64, u64)>,
    is_told: AtomicBool,
}

impl Name {
    /// The name of what was just opened at a path.
    pub(crate) fn of(path: &Path) -> Self {
        let file = std::fs::metadata(path).ok().map(|about| identity(&about));
        Self { path: path.into(), file, is_told: AtomicBool::new(false) }
    }

    /// Why nothing is to be done with the file any more: the name is gone, or another file has it. What cannot be looked at may
    /// be as it was.
    pub(crate) fn lost(&self, action: &'static str) -> Option<StorageFailure> {
        let file = self.file?;
        match std::fs::metadata(&self.path) {
            Ok(about) if identity(&about) == file => return None,
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return None;
            }
            Ok(_) | Err(_) => {}
        }
        let failure = StorageFailure::nameless(&self.path, action);
        if !self.is_told.swap(true, Ordering::AcqRel) {
            tracing::error!(%failure, "the store has lost its file");
        }
        Some(failure)
    }
}

/// What tells a file from others.
#[cfg(unix)]
fn identity(about: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (about.dev(), about.ino())
}

/// The same where files have no number: all are the one, as long as one is there.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
