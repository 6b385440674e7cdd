//! What can go wrong, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Entry, Expected, Revision};

/// The disk, or the file on it, failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: cannot {action}: {cause}; {remedy}", path.display())]
pub struct StorageFailure {
    /// The store's file.
    pub path: PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// What the storage says.
    pub cause: String,
    /// What to do.
    pub remedy: &'static str,
}

impl StorageFailure {
    pub(crate) fn new(path: &Path, action: &'static str, error: &redb::Error) -> Self {
        let cause = match error {
            redb::Error::Io(error) => error.to_string(),
            // What the engine says of these is meant for who uses it.
            redb::Error::DatabaseClosed | redb::Error::PreviousIo => {
                "its disk failed, and it is being opened again".to_owned()
            }
            error => error.to_string(),
        };
        Self { path: path.into(), action, cause, remedy: remedy(error) }
    }

    /// The file is not at its path any more.
    pub(crate) fn nameless(path: &Path, action: &'static str) -> Self {
        let cause = "the file was removed, moved or replaced while it was in use, and what is written to it would be lost when \
                     the program ends";
        Self { path: path.into(), action, cause: cause.to_owned(), remedy: PUT_BACK }
    }

    /// Nothing was written since the start, so nobody knows whether anything can be.
    pub(crate) fn untried(path: &Path) -> Self {
        let cause = "it was not tried since the start".to_owned();
        Self { path: path.into(), action: "write to the store", cause, remedy: AGAIN }
    }

    /// Whether there was no room.
    pub(crate) fn is_full(&self) -> bool {
        self.remedy == MAKE_ROOM
    }

    /// Whether it tells but that the file is out of service, not what put it there.
    pub(crate) fn is_aftermath(&self) -> bool {
        self.remedy == AGAIN
    }

    /// Whether it may be gone once the file has been opened again. Damage is not.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self.remedy, RESTORE | CHECK | PUT_BACK)
    }
}

const MAKE_ROOM: &str = "free space on its disk or raise the quota; the store goes on by itself once there is room";

const PUT_BACK: &str = "if it was moved, move it back; else save what you need through the API, stop the program, and start it \
                        again on a backup or anew (`git clean -x` removes data directories, unless with `-e .cowherd`)";
const AGAIN: &str = "try again in a moment";
const RESTORE: &str = "restore the file from a backup, or remove it to start from nothing";
const CHECK: &str = "check the disk and the file";

fn remedy(error: &redb::Error) -> &'static str {
    match error {
        redb::Error::Io(error) => match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => MAKE_ROOM,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "make the file and its directory writable for this user"
            }
            io::ErrorKind::NotFound => "create the directory, or point to an existing one",
            _ => "check the disk",
        },
        redb::Error::DatabaseClosed | redb::Error::PreviousIo => AGAIN,
        redb::Error::Corrupted(_) => RESTORE,
        _ => CHECK,
    }
}

/// Why a store couldn't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another store has the file, in this process or in another one.
    #[error("{}: already in use by another process; stop that one, or use another data directory", path.display())]
    Locked {
        /// The store's file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{}: not a cowherd store; move the file away, or use another data directory", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of cowherd wrote the file.
    #[error("{}: written in format {found}, and this version of cowherd reads format {supported}; \
             run the version that wrote it, or a newer one", path.display())]
    Format {
        /// The store's file.
        path: PathBuf,
        /// The format that it has.
        found: u64,
        /// The format that this version reads.
        supported: u64,
    },
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
}

/// Why a read or a watch failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The history that was asked for is gone.
    #[error("history before revision {oldest} is compacted; list again and watch from there")]
    Compacted {
        /// The oldest revision at which the state can still be listed and from which can be watched.
        oldest: Revision,
    },
    /// The revision that was asked for isn't written yet.
    #[error("revision {requested} is in the future; the store is at revision {current}")]
    Future {
        /// What was asked for.
        requested: Revision,
        /// Where the store is.
        current: Revision,
    },
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
    /// The store was closed.
    #[error("{}: the store is closed", path.display())]
    Closed {
        /// The store's file.
        path: PathBuf,
    },
}

/// Why a write didn't happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The key isn't as expected.
    #[error("{key}: expected {expected}, found {}", found(current))]
    Conflict {
        /// The key.
        key: String,
        /// What was expected of it.
        expected: Expected,
        /// What is there instead, if anything, so that the caller needn't ask.
        current: Option<Box<Entry>>,
    },
    /// The key to delete doesn't exist.
    #[error("{key}: no such key")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The key is empty or too long.
    #[error("a key has {size} bytes; it must have 1 to {limit}")]
    InvalidKey {
        /// The length of the key in bytes.
        size: usize,
        /// The most that a key may have.
        limit: usize,
    },
    /// The value is too large.
    #[error("{key}: the value has {size} bytes; at most {limit} are stored")]
    TooLarge {
        /// The key.
        key: String,
        /// The length of the value in bytes.
        size: usize,
        /// The most that a value may have.
        limit: usize,
    },
    /// One transaction names the key twice.
    #[error("{key}: named twice among changes that are made together")]
    Twice {
        /// The key.
        key: String,
    },
    /// The disk failed at the last moment, and doesn't even tell whether the write is on it.
    #[error("{key}: {failure}; whether this write is stored shows when the disk works again")]
    Unconfirmed {
        /// The key.
        key: String,
        /// The cause.
        #[source]
        failure: StorageFailure,
    },
    /// The store failed, and the write did not happen.
    #[error("{key}: {error}")]
    Store {
        /// The key.
        key: String,
        /// The cause.
        #[source]
        error: Error,
    },
}

fn found(current: &Option<Box<Entry>>) -> String {
    match current {
        Some(entry) => format!("revision {}", entry.modified),
        None => "no such key".into(),
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
