//! The files of a repository as they lie on disk, by the ids that Git would give them.

use std::path::PathBuf;

use bytes::Bytes;
use cowherd_tree::{ContentId, DiskTree, Entry, EntryKind, Tree, TreeError, TreePath};
use gix::objs::{self, Kind};

/// The files below a directory, committed or not. What is the same as in a commit has the same id there, so reads of
/// the one can be compared with the other.
///
/// Every look at a file reads it: this is for people who ask, not for agents.
#[derive(Clone, Debug)]
pub struct Worktree(DiskTree);

impl Worktree {
    /// The files below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(DiskTree::new(root))
    }

    /// Whether a directory below the root is a repository of its own, such as a submodule.
    fn is_repository(&self, directory: &TreePath) -> bool {
        let git = directory.join(".git").ok().and_then(|git| self.0.entry(&git).ok()).flatten();
        !directory.is_root() && git.is_some()
    }

    fn identified(&self, path: &TreePath, entry: Entry) -> Result<Entry, TreeError> {
        let content = match entry.kind {
            EntryKind::File { .. } => self.0.read_file(path)?,
            EntryKind::Symlink => Bytes::from(self.0.read_link(path)?),
            // A repository inside of another is none of its directories: a commit has no more than the id of its commit.
            EntryKind::Directory if self.is_repository(path) => {
                return Ok(Entry { kind: EntryKind::Other, ..entry });
            }
            // Nobody remembers a directory as a whole.
            EntryKind::Directory | EntryKind::Other => return Ok(entry),
        };
        let id = objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, &content)
            .map_err(|error| TreeError::Storage { path: path.clone(), source: error.into() })?;
        Ok(Entry { kind: entry.kind, id: ContentId::new(id.as_slice()) })
    }
}

impl Tree for Worktree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.0.entry(path)?.map(|entry| self.identified(path, entry)).transpose()
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.0.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let identified = |(name, entry): (String, Entry)| {
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            Ok((name, self.identified(&child, entry)?))
        };
        self.0.list(path)?.into_iter().map(identified).collect()
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.0.read_link(path)
    }
}
