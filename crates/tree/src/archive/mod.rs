//! Archives (`.tgz`) as trees: what `helm package` packs, and layers of artifacts.

mod budget;
mod error;
mod layer;
mod limits;
mod name;

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::{MemoryTree, TreePath};
use budget::{Budget, Budgeted};
pub use error::ArchiveError;
pub use layer::unpack_layer;
pub use limits::ArchiveLimits;

/// The most bytes that describe a single entry, long paths and extended headers included; Go has the same limit.
const MAX_HEADERS: u64 = 1 << 20;

/// How many bytes of headers and padding the entries of an archive may have in the mean.
const MEAN_HEADERS: u64 = 4096;

/// What an entry costs beside its content: a header and the padding of its last block.
const ENTRY_OVERHEAD: u64 = 1024;

/// The mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Unpacks an archive of `tar` and `gzip` into a tree, as Helm loads charts.
///
/// All files stand below one directory, whose name is left out. A file of text loses its byte order mark. Helm
/// follows no link of an archive, and makes an empty file of it: so does this, and nothing can point outside.
/// Directories are what their files make them; an empty one is not kept. Unlike Helm, which would take the last
/// of them, this refuses two files with one path.
///
/// The tree's content ids are over paths and contents: packing the same files again, at another time or level,
/// gives the same ids.
pub fn unpack(packed: impl Read, limits: &ArchiveLimits) -> Result<MemoryTree, ArchiveError> {
    let (packed_budget, whole, budget) = (Budget::default(), Budget::default(), Budget::default());
    packed_budget.allow(limits.packed);
    whole.allow(limits.unpacked.saturating_add(MEAN_HEADERS.saturating_mul(limits.entries as u64)));
    let packed = Budgeted { inner: packed, budget: &packed_budget };
    let unzipped = Budgeted { inner: MultiGzDecoder::new(packed), budget: &whole };
    let mut archive = Archive::new(Budgeted { inner: unzipped, budget: &budget });
    let mut unpacking = Unpacking { limits, budget: &budget, tree: MemoryTree::default(), unpacked: 0 };
    let unpacked = unpacking.entries(&mut archive).and_then(|()| unpacking.rest(archive.into_inner()));
    match unpacked {
        Err(_) if packed_budget.exceeded() => Err(ArchiveError::Packed { limit: limits.packed }),
        Err(_) if whole.exceeded() => Err(ArchiveError::Unpacked { limit: limits.unpacked }),
        Err(_) if !whole.touched() => Err(ArchiveError::NotGzip),
        Err(error) => Err(error),
        Ok(()) if unpacking.tree.paths().next().is_none() => Err(ArchiveError::Empty),
        Ok(()) => Ok(unpacking.tree),
    }
}

struct Unpacking<'a> {
    limits: &'a ArchiveLimits,
    budget: &'a Budget,
    tree: MemoryTree,
    unpacked: u64,
}

impl Unpacking<'_> {
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
        if size >= self.limits.unpacked.saturating_sub(self.unpacked) {
            return Err(ArchiveError::Unpacked { limit: self.limits.unpacked });
        }
        if is_directory(entry) || entry.header().entry_type() == EntryType::XGlobalHeader {
            // What such an entry holds is skipped, not kept; it counts all the same.
            self.unpacked += size;
            self.budget.allow(size.saturating_add(ENTRY_OVERHEAD));
            return io::copy(entry, &mut io::sink()).map(drop).map_err(|error| self.damaged(error));
        }
        let path = self.path(entry)?;
        if self.tree.is_taken(&path) {
            return Err(ArchiveError::Duplicate(path.to_string()));
        }
        let content = self.content(entry, &path, size)?;
        self.tree.insert(path.as_str(), content).map_err(|_| ArchiveError::Outside(path.to_string()))
    }

    fn path(&self, entry: &Entry<'_, impl Read>) -> Result<TreePath, ArchiveError> {
        let bytes = entry.path_bytes();
        let begins = || String::from_utf8_lossy(bytes.get(..64).unwrap_or(&bytes)).into_owned();
        if bytes.len() > self.limits.path {
            let (size, limit) = (bytes.len(), self.limits.path);
            return Err(ArchiveError::PathLength { path: begins(), size, limit });
        }
        let name = std::str::from_utf8(&bytes).map_err(|_| ArchiveError::PathText(begins()))?;
        name::path(name)
    }

    fn content(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        path: &TreePath,
        size: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        if is_link(entry.header().entry_type()) {
            return Ok(Vec::new());
        }
        if size > self.limits.file {
            return Err(ArchiveError::File { path: path.to_string(), size, limit: self.limits.file });
        }
        self.budget.allow(size.saturating_add(ENTRY_OVERHEAD));
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        entry.take(size).read_to_end(&mut content).map_err(|error| self.damaged(error))?;
        if (content.len() as u64) < size {
            return Err(ArchiveError::Damaged(format!("it ends inside of {path}")));
        }
        self.unpacked += size;
        if content.starts_with(BYTE_ORDER_MARK) {
            content.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(content)
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
fn is_directory(entry: &Entry<'_, impl Read>) -> bool {
    let header = entry.header();
    let kind = header.entry_type();
    let old_style = header.as_bytes().get(156) == Some(&0) && entry.path_bytes().ends_with(b"/");
    let by_mode = header.mode().is_ok_and(|mode| mode & 0o170_000 == 0o040_000);
    kind.is_dir() || old_style || by_mode
}

/// Whether an entry stands for another file, or for something that is no file: it has no content of its own.
fn is_link(kind: EntryType) -> bool {
    kind.is_symlink() || kind.is_hard_link() || kind.is_character_special() || kind.is_block_special() || kind.is_fifo()
}
