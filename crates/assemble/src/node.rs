//! What stands at a path of an artifact.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use cowherd_tree::{ContentId, Entry, EntryKind, TreePath};
use sha2::{Digest, Sha256};

/// What stands at a path of an artifact.
pub(crate) enum Node {
    /// A directory whose names are known one by one.
    Directory(Directory),
    /// What a source has, as it has it: a directory with all that is in it, a file, a link.
    Part(Part),
    /// A file that no source has like this.
    Made(Made),
}

/// A directory whose names are known one by one.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) names: BTreeMap<String, Node>,
    id: OnceLock<ContentId>,
}

/// What a source has.
#[derive(Clone)]
pub(crate) struct Part {
    /// Which of the contents.
    pub(crate) content: usize,
    pub(crate) path: TreePath,
    pub(crate) entry: Entry,
}

/// A file that was made.
pub(crate) struct Made {
    pub(crate) bytes: Bytes,
    pub(crate) id: ContentId,
    /// The file that it was made of last.
    pub(crate) content: usize,
    pub(crate) path: TreePath,
}

impl Node {
    /// A directory of these.
    pub(crate) fn directory(names: BTreeMap<String, Self>) -> Self {
        Self::Directory(Directory { names, id: OnceLock::new() })
    }

    /// A file of these bytes.
    pub(crate) fn made(bytes: Bytes, content: usize, path: TreePath) -> Self {
        let id = ContentId::new(&Sha256::digest(&bytes));
        Self::Made(Made { bytes, id, content, path })
    }

    pub(crate) fn is_directory(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            Self::Part(part) => part.entry.kind == EntryKind::Directory,
            Self::Made(_) => false,
        }
    }

    /// Whether it is a directory with nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Directory(directory) if directory.names.is_empty())
    }

    pub(crate) fn entry(&self) -> Entry {
        match self {
            Self::Part(part) => part.entry.clone(),
            Self::Made(made) => Entry { kind: EntryKind::File { size: made.bytes.len() as u64 }, id: made.id.clone() },
            Self::Directory(directory) => Entry { kind: EntryKind::Directory, id: directory.id() },
        }
    }
}

impl Directory {
    /// Equal where the same names have the same content.
    fn id(&self) -> ContentId {
        let make = || {
            let mut digest = Sha256::new();
            for (name, node) in &self.names {
                let entry = node.entry();
                let kind: &[u8] = match entry.kind {
                    EntryKind::File { .. } => b"file",
                    EntryKind::Directory => b"directory",
                    EntryKind::Symlink => b"link",
                    EntryKind::Other => b"other",
                };
                for part in [kind, name.as_bytes(), entry.id.as_bytes()] {
                    digest.update((part.len() as u64).to_be_bytes());
                    digest.update(part);
                }
            }
            ContentId::new(&digest.finalize())
        };
        self.id.get_or_init(make).clone()
    }
}
