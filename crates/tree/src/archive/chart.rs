//! Charts (`.tgz`) as trees: what `helm package` packs.

use std::io::{self, ErrorKind, Read};

use bytes::Bytes;
use tar::{Entry, EntryType};

use super::reader::{self, Meaning, Rules, is_directory};
use super::{ArchiveError, ArchiveLimits, name};
use crate::{MemoryTree, TreePath};

/// The mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Unpacks a chart into a tree, as Helm loads it.
///
/// All files stand below one directory, whose name is left out. A file of text loses its byte order mark. Helm
/// follows no link of an archive, and makes an empty file of it: so does this, and nothing can point outside.
/// Directories are what their files make them; an empty one is not kept. Unlike Helm, which would take the last
/// of them, this refuses two files with one path.
///
/// The tree's content ids are over paths and contents: packing the same files again, at another time or level,
/// gives the same ids.
pub fn unpack(packed: impl Read, limits: &ArchiveLimits) -> Result<MemoryTree, ArchiveError> {
    let tree = reader::read(packed, limits, Chart)?;
    if tree.paths().next().is_none() { Err(ArchiveError::Empty) } else { Ok(tree) }
}

struct Chart;

impl Rules for Chart {
    const FULL_IS_TOO_MUCH: bool = true;
    const FILES_ARE_LIMITED: bool = true;
    const NOT_GZIP: ArchiveError = ArchiveError::NotGzip;

    fn meaning(&self, entry: &Entry<'_, impl Read>) -> Meaning {
        match entry.header().entry_type() {
            _ if is_directory(entry) => Meaning::Ignored,
            kind if is_link(kind) => Meaning::EmptyFile,
            _ => Meaning::File,
        }
    }

    fn path(&self, name: &str) -> Result<TreePath, ArchiveError> {
        name::path(name)
    }

    fn may_replace(&self) -> bool {
        false
    }

    fn keep(&mut self, path: &TreePath, size: u64, content: &mut dyn Read) -> io::Result<Bytes> {
        let mut kept = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        content.take(size).read_to_end(&mut kept)?;
        if (kept.len() as u64) < size {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("it ends inside of {path}")));
        }
        if kept.starts_with(BYTE_ORDER_MARK) {
            kept.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(kept.into())
    }
}

/// Whether an entry stands for another file, or for something that is no file: it has no content of its own.
fn is_link(kind: EntryType) -> bool {
    kind.is_symlink() || kind.is_hard_link() || kind.is_character_special() || kind.is_block_special() || kind.is_fifo()
}
