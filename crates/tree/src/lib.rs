//! A tree of files by content id: what a source brings and a render reads.
//!
//! A [`Tree`] is immutable: the same path always gives the same content for as long as the tree lives. Every
//! file and directory has a [`ContentId`] that is equal exactly when the content is, so whoever remembers the
//! ids that it read can tell from a new tree whether anything that concerned it changed, without reading
//! it again. [`Recorder`] remembers them.

mod archive;
mod change;
mod difference;
mod disk;
mod grafted;
mod layered;
mod memory;
mod path;
pub mod pattern;
mod reads;
mod recorder;
mod sorted;
mod subtree;

pub use archive::{ArchiveError, ArchiveLimits, unpack, unpack_files, unpack_layer};
pub use change::{Change, Difference};
pub use difference::Differences;
pub use disk::DiskTree;
pub use grafted::{GraftError, Grafted};
pub use layered::Layered;
pub use memory::MemoryTree;
pub use path::{PathError, TreePath};
pub use reads::{EntryKindTag, Read, Reads};
pub use recorder::Recorder;
pub use subtree::Subtree;

use bytes::Bytes;

/// The identity of a file's content or of a directory's whole content: equal ids mean equal content.
///
/// For Git these are the object ids of blobs and trees, for other trees a SHA-256 over the content. Ids of
/// different kinds of tree never compare equal by accident, and are never compared on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(Box<[u8]>);

impl ContentId {
    /// An id from the bytes of a digest.
    pub fn new(digest: &[u8]) -> Self {
        Self(digest.into())
    }

    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::str::FromStr for ContentId {
    type Err = String;

    /// Reads what is displayed: two hexadecimal digits for each byte.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        bytes.map(|bytes| Self::new(&bytes)).ok_or_else(|| format!("{text:?} is no content id in hexadecimal digits"))
    }
}

impl std::fmt::Display for ContentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a path of a tree names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of `size` bytes.
    File {
        /// The length of the content in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link. Trees do not follow links; see [`Tree::resolve`].
    Symlink,
    /// What can be listed but not read: a Git submodule, a socket.
    Other,
}

/// What stands at a path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// File, directory, link or neither.
    pub kind: EntryKind,
    /// The identity of the content; of a link: of its target's path.
    pub id: ContentId,
}

/// Why a tree could not answer.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Nothing stands at the path.
    #[error("{0}: no such file or directory")]
    NotFound(TreePath),
    /// A file was asked for, and something else stands there.
    #[error("{0}: not a regular file")]
    NotAFile(TreePath),
    /// A directory was asked for, and something else stands there.
    #[error("{0}: not a directory")]
    NotADirectory(TreePath),
    /// The path, or a link on its way, leaves the tree.
    #[error("{path}: {source}")]
    Outside {
        /// The path that was asked for.
        path: TreePath,
        /// What is wrong with it.
        source: PathError,
    },
    /// Links point at each other, or too many stand one behind the other.
    #[error("{0}: too many levels of symbolic links")]
    TooManyLinks(TreePath),
    /// The file is larger than whoever asked is willing to read.
    #[error("{path}: the file has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// The file.
        path: TreePath,
        /// Its length in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The storage below failed.
    #[error("{path}: {source}")]
    Storage {
        /// The path that was asked for.
        path: TreePath,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How many links may stand one behind the other, as Linux has it.
const MAX_LINKS: usize = 40;

/// The most bytes that [`Tree::read`] gives for a single file.
pub const MAX_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// An immutable tree of files.
///
/// The methods that implementations write (`entry`, `read_entry`, `list`, `read_link`) do not follow links
/// and may assume that a path has no link on its way; users call [`Tree::resolve`] or the methods built on it
/// ([`Tree::read`], [`Tree::read_dir`]), which do.
pub trait Tree: Send + Sync {
    /// What stands at `path`, links not followed; `None` where nothing does.
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError>;

    /// The content of the regular file at `path`.
    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError>;

    /// The names and entries in the directory at `path`, sorted by name (bytewise).
    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError>;

    /// The target of the link at `path`, as it was written.
    fn read_link(&self, path: &TreePath) -> Result<String, TreeError>;

    /// The path that `path` names once every link on its way is followed. Links must stay in the tree.
    fn resolve(&self, path: &TreePath) -> Result<TreePath, TreeError> {
        let mut resolved = TreePath::root();
        let mut rest: Vec<String> = path.components().rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let outside = |source| TreeError::Outside { path: path.clone(), source };
            let next = resolved.join(&name).map_err(outside)?;
            match self.entry(&next)? {
                None => return Err(TreeError::NotFound(path.clone())),
                Some(Entry { kind: EntryKind::Symlink, .. }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(TreeError::TooManyLinks(path.clone()));
                    }
                    let target = self.read_link(&next)?;
                    let target = resolved.join(&target).map_err(|_| outside(PathError::Link(target.clone())))?;
                    rest.extend(target.components().rev().map(str::to_owned));
                    resolved = TreePath::root();
                }
                Some(_) => resolved = next,
            }
        }
        Ok(resolved)
    }

    /// The content of the file that `path` names, links followed.
    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let resolved = self.resolve(path)?;
        match self.entry(&resolved)? {
            Some(Entry { kind: EntryKind::File { size }, .. }) if size > MAX_FILE_SIZE => {
                Err(TreeError::TooLarge { path: path.clone(), size, limit: MAX_FILE_SIZE })
            }
            Some(Entry { kind: EntryKind::File { .. }, .. }) => self.read_file(&resolved),
            Some(_) => Err(TreeError::NotAFile(path.clone())),
            None => Err(TreeError::NotFound(path.clone())),
        }
    }

    /// The names and entries in the directory that `path` names, links on the way followed.
    fn read_dir(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let resolved = self.resolve(path)?;
        match self.entry(&resolved)? {
            Some(Entry { kind: EntryKind::Directory, .. }) => self.list(&resolved),
            Some(_) => Err(TreeError::NotADirectory(path.clone())),
            None => Err(TreeError::NotFound(path.clone())),
        }
    }

    /// Whether `path` names a file, a directory or nothing, links followed.
    fn stat(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match self.resolve(path) {
            Ok(resolved) => self.entry(&resolved),
            Err(TreeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
