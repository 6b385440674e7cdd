//! Notices when a repository of this machine moves to another commit.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::Repository;
use crate::FetchError;

/// How often the references are looked at although nothing was reported: where the system reports nothing (network
/// file systems) or the repository was replaced as a whole.
const POLL: Duration = Duration::from_secs(2);

/// How long to wait for a change to be complete: Git writes several files for one commit.
const SETTLE: Duration = Duration::from_millis(15);

/// How many references are looked at one by one, and how deep their names go.
const MAX_REFERENCES: usize = 100_000;
const MAX_DEPTH: usize = 32;

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

/// Tells when `HEAD` or a reference of a repository has changed. Watching ends when it is dropped.
#[derive(Debug)]
pub struct LocalWatch {
    changes: mpsc::Receiver<()>,
    wake: Sender<Signal>,
}

impl Drop for LocalWatch {
    fn drop(&mut self) {
        self.changes.close();
        // The thread looks up, sees that nobody listens, and ends; it may have ended before.
        let _ = self.wake.send(Signal);
    }
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

/// Watches the repository that `path` stands in: commits, switches of branches, resets, fetches, packed
/// references, of a worktree also its own `HEAD`. What changes no reference is not told: objects, the index,
/// files of the worktree.
pub fn watch_local(path: &Path) -> Result<LocalWatch, WatchError> {
    let repository = super::discover(path)?;
    let places = Places::of(&repository);
    let (wake, signals) = channel();
    let (changed, changes) = mpsc::channel(1);
    let mut thread = Watching { state: places.state(), places, watcher: None, reports: wake.clone(), changed };
    thread.watch();
    std::thread::Builder::new()
        .name("watch-repository".to_owned())
        .spawn(move || thread.run(&signals))
        .map_err(|cause| WatchError::Thread { path: path.to_owned(), cause })?;
    Ok(LocalWatch { changes, wake })
}

/// Something may have changed.
struct Signal;

/// The files that hold references.
struct Places {
    /// The worktree's own directory.
    own: PathBuf,
    /// The directory that all worktrees share.
    common: PathBuf,
}

/// What the references are, and which directories hold them.
#[derive(Debug, PartialEq, Eq)]
struct State {
    files: BTreeMap<PathBuf, Vec<u8>>,
    directories: Vec<Option<u64>>,
}

impl Places {
    fn of(repository: &Repository) -> Self {
        let absolute = |path: PathBuf| path.canonicalize().unwrap_or(path);
        Self { own: absolute(repository.git_directory()), common: absolute(repository.common_directory()) }
    }

    fn directories(&self) -> Vec<(PathBuf, RecursiveMode)> {
        let mut directories =
            vec![(self.own.clone(), RecursiveMode::NonRecursive), (self.common.join("refs"), RecursiveMode::Recursive)];
        if self.own != self.common {
            directories.push((self.common.clone(), RecursiveMode::NonRecursive));
        }
        directories
    }

    fn state(&self) -> State {
        let mut files = BTreeMap::new();
        for file in [self.own.join("HEAD"), self.common.join("packed-refs")] {
            note(&mut files, file);
        }
        collect(&self.common.join("refs"), &mut files, 0);
        let directories = self.directories().iter().map(|(path, _)| inode(path)).collect();
        State { files, directories }
    }

    /// Whether a report about `path` can mean that a reference changed.
    fn concerns(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".lock") {
            return false;
        }
        path.starts_with(self.common.join("refs"))
            || path == self.own.join("HEAD")
            || path == self.common.join("packed-refs")
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

fn note(files: &mut BTreeMap<PathBuf, Vec<u8>>, path: PathBuf) {
    if let Ok(content) = fs::read(&path) {
        files.insert(path, content);
    }
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>, depth: usize) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if files.len() >= MAX_REFERENCES || depth > MAX_DEPTH {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, files, depth + 1),
            Ok(_) if path.extension().is_none_or(|ending| ending != "lock") => note(files, path),
            _ => {}
        }
    }
}

/// The thread that watches.
struct Watching {
    places: Places,
    state: State,
    watcher: Option<RecommendedWatcher>,
    reports: Sender<Signal>,
    changed: mpsc::Sender<()>,
}

impl Watching {
    /// Asks the system for reports; without them, the references are looked at from time to time.
    fn watch(&mut self) {
        let reports = self.reports.clone();
        let places = Places { own: self.places.own.clone(), common: self.places.common.clone() };
        let report = move |event: notify::Result<notify::Event>| {
            let concerns = event.map_or(true, |event| {
                !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(|path| places.concerns(path)))
            });
            if concerns {
                // Nobody listens any more when watching has ended.
                let _ = reports.send(Signal);
            }
        };
        let watcher = notify::recommended_watcher(report).and_then(|mut watcher| {
            for (directory, mode) in self.places.directories() {
                watcher.watch(&directory, mode)?;
            }
            Ok(watcher)
        });
        self.watcher = watcher
            .inspect_err(
                |error| tracing::debug!(%error, "the system does not report changes; looking every two seconds"),
            )
            .ok();
    }

    fn run(mut self, signals: &Receiver<Signal>) {
        while !self.changed.is_closed() {
            match signals.recv_timeout(POLL) {
                Ok(Signal) => std::thread::sleep(SETTLE),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while signals.try_recv().is_ok() {}
            self.look();
        }
    }

    fn look(&mut self) {
        let state = self.places.state();
        if state == self.state {
            return;
        }
        if state.directories != self.state.directories || self.watcher.is_none() {
            self.watch();
        }
        let moved = state.files != self.state.files;
        self.state = state;
        if moved {
            // A change that was not taken yet tells of this one too.
            let _ = self.changed.try_send(());
        }
    }
}
