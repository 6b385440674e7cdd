//! Notices when a repository of this machine moves to another commit.

mod places;
mod thread;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use self::places::Places;
use self::thread::{Signal, Thread};
use crate::FetchError;

/// Why a repository cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] FetchError),
    /// No thread could be started.
    #[error("watching {} failed: {cause}", .path.display())]
    Thread {
        /// The repository.
        path: PathBuf,
        /// What happened.
        cause: std::io::Error,
    },
}

/// The watches of repositories of this machine. All of them, however many, take one thread and what the system takes to
/// report changes; with none there is no thread. Clones are the same watches.
#[derive(Clone, Default)]
pub struct LocalWatches {
    /// What the thread is told, as long as there is one.
    thread: Arc<Mutex<Option<Sender<Signal>>>>,
}

/// Tells when `HEAD` or a reference of a repository has changed. Watching ends when it is dropped.
#[derive(Debug)]
pub struct LocalWatch {
    changes: mpsc::Receiver<()>,
}

impl LocalWatch {
    /// Waits until something has changed since the last call. Several changes may be told as one; `None` when
    /// watching has ended.
    pub async fn changed(&mut self) -> Option<()> {
        self.changes.recv().await
    }

    /// The same, for threads outside of an async runtime.
    pub fn wait(&mut self) -> Option<()> {
        self.changes.blocking_recv()
    }
}

impl LocalWatches {
    /// Watches the repository that `path` stands in: commits, switches of branches, resets, fetches, packed
    /// references, of a worktree also its own `HEAD`. What changes no reference is not told: objects, the index,
    /// files of the worktree. What changes from now on is told.
    pub fn watch(&self, path: &Path) -> Result<LocalWatch, WatchError> {
        let places = Places::of(&super::discover(path)?);
        let state = places.state();
        let (changed, changes) = mpsc::channel(1);
        let mut thread = self.thread();
        let told = Signal::Watch { places, state, changed };
        let untold = match thread.as_ref() {
            Some(signals) => signals.send(told).err().map(|unsent| unsent.0),
            None => Some(told),
        };
        if let Some(told) = untold {
            let failed = |cause| WatchError::Thread { path: path.to_owned(), cause };
            let signals = Thread::start(self.clone()).map_err(failed)?;
            // It listens at least until it was told of something.
            let _ = signals.send(told);
            *thread = Some(signals);
        }
        Ok(LocalWatch { changes })
    }

    fn thread(&self) -> MutexGuard<'_, Option<Sender<Signal>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalWatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalWatches").field("is_watching", &self.thread().is_some()).finish()
    }
}
