//! Layers of OCI artifacts (`.tar.gz`) as trees: what `flux push artifact` packs.

use std::io::{self, Read};

use bytes::Bytes;
use tar::Entry;

use super::reader::{self, Meaning, Rules, is_directory};
use super::{ArchiveError, ArchiveLimits};
use crate::{MemoryTree, TreePath};

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
    reader::read(packed, limits, Layer { keep, links: Meaning::Omitted })
}

/// The same of an archive in which there may be no links.
pub fn unpack_files(
    packed: impl Read,
    limits: &ArchiveLimits,
    keep: &mut dyn FnMut(u64, &mut dyn Read) -> io::Result<Bytes>,
) -> Result<MemoryTree, ArchiveError> {
    reader::read(packed, limits, Layer { keep, links: Meaning::Link })
}

struct Layer<'a> {
    /// What symbolic links stand for.
    links: Meaning,
    keep: &'a mut dyn FnMut(u64, &mut dyn Read) -> io::Result<Bytes>,
}

impl Rules for Layer<'_> {
    const FULL_IS_TOO_MUCH: bool = false;
    const FILES_ARE_LIMITED: bool = false;
    const NOT_GZIP: ArchiveError = ArchiveError::LayerNotGzip;

    /// By the type, and by the bits of the mode, where some programs write it.
    fn meaning(&self, entry: &Entry<'_, impl Read>) -> Meaning {
        let kind = entry.header().entry_type();
        let mode = entry.header().mode().unwrap_or_default() & 0o170_000;
        match () {
            () if kind.is_symlink() || mode == 0o120_000 => self.links,
            () if is_directory(entry) => Meaning::Omitted,
            () if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() => Meaning::Special,
            // Of a socket, a pipe or a device.
            () if matches!(mode, 0o140_000 | 0o010_000 | 0o020_000 | 0o060_000) => Meaning::Special,
            () => Meaning::File,
        }
    }

    /// What could be read otherwise somewhere is refused.
    fn path(&self, name: &str) -> Result<TreePath, ArchiveError> {
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

    fn may_replace(&self) -> bool {
        true
    }

    fn keep(&mut self, _: &TreePath, size: u64, content: &mut dyn Read) -> io::Result<Bytes> {
        (self.keep)(size, content)
    }
}
