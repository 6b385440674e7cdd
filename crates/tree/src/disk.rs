//! A tree over a directory of the file system: what `cowherd render PATH` reads.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// The files below a directory, read when asked for.
///
/// The directory is expected to stand still meanwhile. Ids are those of the file system (device, inode, size and
/// times): they tell whether a file was touched, and two files with the same content have different ones. The id
/// of a directory says nothing of what lies below the files it names.
#[derive(Clone, Debug)]
pub struct DiskTree {
    root: PathBuf,
}

impl DiskTree {
    /// The tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &TreePath) -> PathBuf {
        self.root.join(path.as_str())
    }

    /// An id from what the file system says of the file. Reading the content, and for a directory all the
    /// content below it, would cost more than whoever renders a directory once gets back.
    fn id(path: &TreePath, metadata: &Metadata) -> ContentId {
        let mut digest = Sha256::new();
        digest.update(path.as_str());
        for number in [metadata.dev(), metadata.ino(), metadata.size()] {
            digest.update(number.to_be_bytes());
        }
        for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
            digest.update(number.to_be_bytes());
        }
        ContentId::new(&digest.finalize())
    }
}

fn storage(path: &TreePath, error: std::io::Error) -> TreeError {
    match error.kind() {
        std::io::ErrorKind::NotFound => TreeError::NotFound(path.clone()),
        _ => TreeError::Storage { path: path.clone(), source: error.into() },
    }
}

fn kind(metadata: &Metadata) -> EntryKind {
    let file_type = metadata.file_type();
    if file_type.is_symlink() {
        EntryKind::Symlink
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_file() {
        EntryKind::File { size: metadata.len() }
    } else {
        EntryKind::Other
    }
}

impl Tree for DiskTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match fs::symlink_metadata(self.path(path)) {
            Ok(metadata) => Ok(Some(Entry { kind: kind(&metadata), id: Self::id(path, &metadata) })),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(storage(path, error)),
        }
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        fs::read(self.path(path)).map(Bytes::from).map_err(|error| storage(path, error))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut entries = Vec::new();
        for found in fs::read_dir(self.path(path)).map_err(|error| storage(path, error))? {
            let name = found.map_err(|error| storage(path, error))?.file_name().to_string_lossy().into_owned();
            // A repository's own database is not part of its tree.
            if path.is_root() && name == ".git" {
                continue;
            }
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            if let Some(entry) = self.entry(&child)? {
                entries.push((name, entry));
            }
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        let target = fs::read_link(self.path(path)).map_err(|error| storage(path, error))?;
        Ok(target.to_string_lossy().into_owned())
    }
}

fn absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_on_disk_reads_like_a_tree() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("apps/base")).unwrap();
        fs::write(directory.path().join("apps/base/a.yaml"), "a: 1").unwrap();
        std::os::unix::fs::symlink("/etc", directory.path().join("apps/out")).unwrap();
        let tree = DiskTree::new(directory.path());
        let path = |text| TreePath::parse(text).unwrap();
        assert_eq!(tree.read(&path("apps/base/a.yaml")).unwrap(), "a: 1");
        assert!(matches!(tree.read(&path("apps/out/passwd")), Err(TreeError::Outside { .. })));
        let before = tree.entry(&path("apps/base/a.yaml")).unwrap().unwrap().id;
        assert_eq!(tree.entry(&path("apps/base/a.yaml")).unwrap().unwrap().id, before);
        fs::write(directory.path().join("apps/base/a.yaml"), "a: 22").unwrap();
        assert_ne!(tree.entry(&path("apps/base/a.yaml")).unwrap().unwrap().id, before);
    }
}
