//! What reading any archive has in common: entries within budgets, and the tree of them.

use std::cell::Cell;
use std::io::{self, Read};

use bytes::Bytes;
use tar::{Archive, Entry, EntryType};

use super::budget::{Budget, Budgeted};
use super::ending::{Ended, Unzipped};
use super::{ArchiveError, ArchiveLimits};
use crate::{MemoryTree, TreePath};

/// The most bytes that describe a single entry, long paths and extended headers included; Go has the same limit.
const MAX_HEADERS: u64 = 1 << 20;

/// How many bytes of headers and padding the entries of an archive may have in the mean.
const MEAN_HEADERS: u64 = 4096;

/// What an entry costs beside its content: a header and the padding of its last block.
const ENTRY_OVERHEAD: u64 = 1024;

/// The most directories that may be inside each other, as in a revision of a Git repository.
const MAX_DEPTH: usize = 256;

/// How much memory the paths of an archive may take, in bytes: each with those of all directories above it.
const MAX_PATHS: u64 = 64 << 20;

/// How a kind of archive is read.
pub(super) trait Rules {
    /// Whether files that have exactly as many bytes as are allowed together are too many.
    const FULL_IS_TOO_MUCH: bool;

    /// Whether a single file has a limit of its own.
    const FILES_ARE_LIMITED: bool;

    /// What is said of what is not packed by gzip.
    const NOT_GZIP: ArchiveError;

    /// What an entry stands for.
    fn meaning(&self, entry: &Entry<'_, impl Read>) -> Meaning;

    /// The path that a name means.
    fn path(&self, name: &str) -> Result<TreePath, ArchiveError>;

    /// Whether a file may stand where a file stands already.
    fn may_replace(&self) -> bool;

    /// What the tree has for a file of `size` bytes.
    fn keep(&mut self, path: &TreePath, size: u64, content: &mut dyn Read) -> io::Result<Bytes>;
}

/// What an entry stands for.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// A file with its content.
    File,
    /// A file that is empty, whatever the entry holds.
    EmptyFile,
    /// Nothing that a tree has, but its name has to be one that it could have.
    Omitted,
    /// Nothing that a tree has, whatever its name is.
    Ignored,
    /// What is neither a file nor a directory.
    Special,
    /// A symbolic link where there may be none.
    Link,
}

/// Unpacks an archive of `tar` and `gzip` into a tree.
pub(super) fn read<R: Rules>(packed: impl Read, limits: &ArchiveLimits, rules: R) -> Result<MemoryTree, ArchiveError> {
    let (packed_budget, whole, budget) = (Budget::default(), Budget::default(), Budget::default());
    packed_budget.allow(limits.packed);
    whole.allow(limits.unpacked.saturating_add(MEAN_HEADERS.saturating_mul(limits.entries as u64)));
    let packed = Budgeted { inner: packed, budget: &packed_budget };
    let unzipped = Budgeted { inner: Unzipped::new(packed), budget: &whole };
    let made_up = Cell::new(0);
    let whole_blocks = Ended { inner: unzipped, read: 0, made_up: &made_up };
    let mut archive = Archive::new(Budgeted { inner: whole_blocks, budget: &budget });
    let tree = MemoryTree::default();
    let mut reader = Reader { rules, limits, budget: &budget, made_up: &made_up, tree, unpacked: 0, paths: 0 };
    let read = reader.entries(&mut archive).and_then(|()| reader.rest(archive.into_inner()));
    match read {
        Err(_) if packed_budget.exceeded() => Err(ArchiveError::Packed { limit: limits.packed }),
        Err(_) if whole.exceeded() => Err(ArchiveError::Unpacked { limit: limits.unpacked }),
        Err(ArchiveError::Damaged(_)) if !whole.touched() => Err(R::NOT_GZIP),
        Err(error) => Err(error),
        Ok(()) => Ok(reader.tree),
    }
}

struct Reader<'a, R> {
    rules: R,
    limits: &'a ArchiveLimits,
    budget: &'a Budget,
    /// How many bytes were read behind the end.
    made_up: &'a Cell<u64>,
    tree: MemoryTree,
    /// The bytes of all entries so far.
    unpacked: u64,
    /// The bytes of all paths so far, each with those of the directories above it.
    paths: u64,
}

impl<R: Rules> Reader<'_, R> {
    fn entries(&mut self, archive: &mut Archive<impl Read>) -> Result<(), ArchiveError> {
        self.budget.allow(MAX_HEADERS);
        let entries = archive.entries().map_err(|error| self.damaged(error))?;
        for (count, entry) in entries.enumerate() {
            let mut entry = entry.map_err(|error| self.damaged(error))?;
            if count >= self.limits.entries {
                return Err(ArchiveError::Entries { limit: self.limits.entries });
            }
            self.entry(&mut entry)?;
            self.budget.allow(MAX_HEADERS);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let size = self.count(entry.size())?;
        self.budget.allow(size.saturating_add(ENTRY_OVERHEAD));
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return self.skip(entry);
        }
        match self.rules.meaning(entry) {
            Meaning::Ignored => self.skip(entry),
            Meaning::Special => Err(ArchiveError::Special(self.name(entry)?)),
            Meaning::Link => Err(ArchiveError::Link(self.name(entry)?)),
            Meaning::Omitted => {
                self.rules.path(&self.name(entry)?)?;
                self.skip(entry)
            }
            Meaning::EmptyFile => {
                let path = self.place(&self.name(entry)?)?;
                self.put(&path, Bytes::new())?;
                self.skip(entry)
            }
            Meaning::File => {
                let path = self.place(&self.name(entry)?)?;
                if R::FILES_ARE_LIMITED && size > self.limits.file {
                    return Err(ArchiveError::File { path: path.to_string(), size, limit: self.limits.file });
                }
                let content = self.rules.keep(&path, size, entry).map_err(|error| self.damaged(error))?;
                if self.made_up.get() > 0 {
                    return Err(ArchiveError::Damaged(format!("it ends inside of {path}")));
                }
                self.put(&path, content)
            }
        }
    }

    /// The size of an entry, if there is room for it.
    fn count(&mut self, size: u64) -> Result<u64, ArchiveError> {
        let left = self.limits.unpacked.saturating_sub(self.unpacked);
        if size > left || (size == left && R::FULL_IS_TOO_MUCH) {
            return Err(ArchiveError::Unpacked { limit: self.limits.unpacked });
        }
        self.unpacked += size;
        Ok(size)
    }

    fn name(&self, entry: &Entry<'_, impl Read>) -> Result<String, ArchiveError> {
        let bytes = entry.path_bytes();
        let begins = || String::from_utf8_lossy(bytes.get(..64).unwrap_or(&bytes)).into_owned();
        if bytes.len() > self.limits.path {
            let (size, limit) = (bytes.len(), self.limits.path);
            return Err(ArchiveError::PathLength { path: begins(), size, limit });
        }
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| ArchiveError::PathText(begins()))
    }

    /// The path of a file, if it may stand there.
    fn place(&mut self, name: &str) -> Result<TreePath, ArchiveError> {
        let path = self.rules.path(name)?;
        let replaces = self.rules.may_replace() && self.tree.has_file(&path);
        if path.is_root() || (self.tree.is_taken(&path) && !replaces) {
            return Err(ArchiveError::Duplicate(name.to_owned()));
        }
        let depth = path.components().count();
        if depth > MAX_DEPTH {
            return Err(ArchiveError::Depth { path: name.chars().take(64).collect(), limit: MAX_DEPTH });
        }
        self.paths = self.paths.saturating_add(path.as_str().len().saturating_mul(depth) as u64);
        if self.paths > MAX_PATHS { Err(ArchiveError::Entries { limit: self.limits.entries }) } else { Ok(path) }
    }

    fn put(&mut self, path: &TreePath, content: Bytes) -> Result<(), ArchiveError> {
        self.tree.insert(path.as_str(), content).map_err(|_| ArchiveError::Outside(path.to_string()))
    }

    /// What an entry that is not kept holds is read all the same; it counts.
    fn skip(&self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        io::copy(entry, &mut io::sink()).map(drop).map_err(|error| self.damaged(error))
    }

    /// Reads what follows the last entry: only then gzip has compared its checksum.
    fn rest(&self, mut archive: impl Read) -> Result<(), ArchiveError> {
        self.budget.allow(MAX_HEADERS);
        io::copy(&mut archive, &mut io::sink()).map(drop).map_err(|error| self.damaged(error))
    }

    fn damaged(&self, error: io::Error) -> ArchiveError {
        if self.budget.exceeded() {
            return ArchiveError::Headers { limit: MAX_HEADERS };
        }
        ArchiveError::Damaged(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Whether an entry is a directory in one of the three ways in which archives say so.
pub(super) fn is_directory(entry: &Entry<'_, impl Read>) -> bool {
    let header = entry.header();
    let kind = header.entry_type();
    let old_style = header.as_bytes().get(156) == Some(&0) && entry.path_bytes().ends_with(b"/");
    let by_mode = header.mode().is_ok_and(|mode| mode & 0o170_000 == 0o040_000);
    kind.is_dir() || old_style || by_mode
}
