//! Where a repository has its references, and what they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use notify::RecursiveMode;

use crate::local::Repository;

/// How many references are looked at one by one, and how deep their names go.
const MAX_REFERENCES: usize = 100_000;
const MAX_DEPTH: usize = 32;

/// The files that hold references.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Places {
    /// The worktree's own directory.
    own: PathBuf,
    /// The directory that all worktrees share.
    common: PathBuf,
}

/// What the references are, and which directories hold them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(super) directories: Vec<Option<u64>>,
    /// What each file and directory that was read looked like from outside, before it was read.
    outside: Vec<(PathBuf, Option<Outside>)>,
}

/// What tells of a file or directory, without reading it, that it is as it was: which one it is, and when it changed last.
#[derive(Debug, PartialEq, Eq)]
struct Outside {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Outside {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Some(Self { device: metadata.dev(), inode: metadata.ino(), changed })
    }
}

impl State {
    /// Whether nothing seems to have changed. To look costs no reading and wakes nobody who watches the same files, which
    /// to open them would.
    pub(super) fn seems_to_hold(&self) -> bool {
        self.outside.iter().all(|(path, outside)| Outside::of(path) == *outside)
    }

    fn look(&mut self, path: &Path) {
        self.outside.push((path.to_owned(), Outside::of(path)));
    }

    fn read(&mut self, file: PathBuf) {
        self.look(&file);
        if let Ok(content) = fs::read(&file) {
            self.files.insert(file, content);
        }
    }

    fn collect(&mut self, directory: &Path, depth: usize) {
        self.look(directory);
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if self.files.len() >= MAX_REFERENCES || depth > MAX_DEPTH {
                return;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.collect(&path, depth + 1),
                Ok(_) if path.extension().is_none_or(|ending| ending != "lock") => self.read(path),
                _ => {}
            }
        }
    }
}

impl Places {
    pub(super) fn of(repository: &Repository) -> Self {
        let absolute = |path: PathBuf| path.canonicalize().unwrap_or(path);
        Self { own: absolute(repository.git_directory()), common: absolute(repository.common_directory()) }
    }

    /// The directories in which something happens when a reference changes, each with whether all below it is meant.
    pub(super) fn directories(&self) -> Vec<(PathBuf, RecursiveMode)> {
        let mut directories =
            vec![(self.own.clone(), RecursiveMode::NonRecursive), (self.common.join("refs"), RecursiveMode::Recursive)];
        if self.own != self.common {
            directories.push((self.common.clone(), RecursiveMode::NonRecursive));
        }
        directories
    }

    /// What is there now.
    pub(super) fn state(&self) -> State {
        let directories = self.directories().iter().map(|(path, _)| inode(path)).collect();
        let mut state = State { files: BTreeMap::new(), directories, outside: Vec::new() };
        for file in [self.own.join("HEAD"), self.common.join("packed-refs")] {
            state.read(file);
        }
        state.collect(&self.common.join("refs"), 0);
        state
    }

    /// Whether a report about `path` can mean that a reference changed.
    pub(super) fn concerns(&self, path: &Path) -> bool {
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
