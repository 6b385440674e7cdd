//! Layers of OCI artifacts (`.tar.gz`) as trees: what `flux push artifact` packs.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::budget::{Budget, Budgeted};
use super::{ArchiveError, ArchiveLimits, ENTRY_OVERHEAD, MAX_HEADERS, MEAN_HEADERS, is_directory};
use crate::{MemoryTree, TreePath};

/// The most directories that may be inside each other, as in a revision of a Git repository.
const MAX_DEPTH: usize = 256;

/// How much memory the paths of an archive may take, in bytes: each with those of all directories above it.
const MAX_PATHS: u64 = 64 << 20;

/// Unpacks a layer into a tree, whose files hold what `keep` made of the contents: it gets the length of each in bytes, and the
/// content to read.
///
/// Paths are taken as they are, and as Flux takes them: what is absolute or climbs out is refused, symbolic links are left
/// out, hard links are empty files, of two files with one path the last one counts, and devices are refused.
pub fn unpack_layer(
    packed: impl Read,
    limits: &ArchiveLimits,
    keep: &mut dyn FnMut(u64, &mut dyn Read) -> io::Result<Bytes>,
) -> Result<MemoryTree, ArchiveError> {
    let (packed_budget, whole, budget) = (Budget::default(), Budget::default(), Budget::default());
    packed_budget.allow(limits.packed);
    whole.allow(limits.unpacked.saturating_add(MEAN_HEADERS.saturating_mul(limits.entries as u64)));
    let packed = Budgeted { inner: packed, budget: &packed_budget };
    let unzipped = Budgeted { inner: MultiGzDecoder::new(packed), budget: &whole };
    let mut archive = Archive::new(Budgeted { inner: unzipped, budget: &budget });
    let (tree, unpacked, paths) = (MemoryTree::default(), 0, 0);
    let mut layer = Layer { limits, budget: &budget, keep, tree, unpacked, paths };
    let read = layer.entries(&mut archive).and_then(|()| layer.rest(archive.into_inner()));
    match read {
        Err(_) if packed_budget.exceeded() => Err(ArchiveError::Packed { limit: limits.packed }),
        Err(_) if whole.exceeded() => Err(ArchiveError::Unpacked { limit: limits.unpacked }),
        Err(ArchiveError::Damaged(_)) if !whole.touched() => Err(ArchiveError::LayerNotGzip),
        Err(error) => Err(error),
        Ok(()) => Ok(layer.tree),
    }
}

struct Layer<'a> {
    limits: &'a ArchiveLimits,
    budget: &'a Budget,
    keep: &'a mut dyn FnMut(u64, &mut dyn Read) -> io::Result<Bytes>,
    tree: MemoryTree,
    unpacked: u64,
    paths: u64,
}

/// What an entry stands for.
enum Meaning {
    File,
    /// What the tree makes of its files anyway, or leaves out.
    Nothing,
    /// What is no file and no directory.
    Special,
}

impl Layer<'_> {
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
        let size = entry.size();
        if size > self.limits.unpacked.saturating_sub(self.unpacked) {
            return Err(ArchiveError::Unpacked { limit: self.limits.unpacked });
        }
        self.unpacked += size;
        self.budget.allow(size.saturating_add(ENTRY_OVERHEAD));
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return self.skip(entry);
        }
        let name = self.name(entry)?;
        match meaning(entry) {
            Meaning::Special => Err(ArchiveError::Special(name)),
            Meaning::Nothing => {
                path(&name)?;
                self.skip(entry)
            }
            Meaning::File => {
                let path = self.place(&name)?;
                let content = (self.keep)(size, entry).map_err(|error| self.damaged(error))?;
                self.tree.insert(path.as_str(), content).map_err(|_| ArchiveError::Outside(name))
            }
        }
    }

    /// What an entry that is not kept holds is read all the same; it counts.
    fn skip(&self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        io::copy(entry, &mut io::sink()).map(drop).map_err(|error| self.damaged(error))
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
        let path = path(name)?;
        if path.is_root() || (self.tree.is_taken(&path) && !self.tree.has_file(&path)) {
            return Err(ArchiveError::Duplicate(name.to_owned()));
        }
        let depth = path.components().count();
        if depth > MAX_DEPTH {
            return Err(ArchiveError::Depth { path: name.chars().take(64).collect(), limit: MAX_DEPTH });
        }
        self.paths = self.paths.saturating_add(path.as_str().len().saturating_mul(depth) as u64);
        if self.paths > MAX_PATHS { Err(ArchiveError::Entries { limit: self.limits.entries }) } else { Ok(path) }
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

/// What an entry stands for, by its type and by the bits of its mode, where some programs write it.
fn meaning(entry: &Entry<'_, impl Read>) -> Meaning {
    let kind = entry.header().entry_type();
    let mode = entry.header().mode().unwrap_or_default() & 0o170_000;
    match () {
        () if kind.is_symlink() || mode == 0o120_000 => Meaning::Nothing,
        () if is_directory(entry) => Meaning::Nothing,
        () if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() => Meaning::Special,
        // Of a socket, a pipe or a device.
        () if matches!(mode, 0o140_000 | 0o010_000 | 0o020_000 | 0o060_000) => Meaning::Special,
        () => Meaning::File,
    }
}

/// The path that a name means. What could be read otherwise somewhere is refused.
fn path(name: &str) -> Result<TreePath, ArchiveError> {
    if name.starts_with('/') {
        return Err(ArchiveError::Absolute(name.to_owned()));
    }
    if name.contains('\0') {
        return Err(ArchiveError::PathText(name.to_owned()));
    }
    let climbs = name.split('/').any(|part| part == "..");
    if name.is_empty() || climbs || name.contains('\\') {
        return Err(ArchiveError::Outside(name.to_owned()));
    }
    TreePath::root().join(name).map_err(|_| ArchiveError::Outside(name.to_owned()))
}
