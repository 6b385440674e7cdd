//! A tree over a directory of the file system: what `cowherd render PATH` reads.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, MAX_FILE_SIZE, Tree, TreeError, TreePath};

/// The files below a directory, read when asked for.
///
/// The directory is expected to stand still meanwhile; ids are computed from the content at each call.
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

    fn id(&self, path: &TreePath, kind: EntryKind) -> Result<ContentId, TreeError> {
        let mut digest = Sha256::new();
        match kind {
            // A file that is too large to be read is known by its size alone.
            EntryKind::File { size } if size > MAX_FILE_SIZE => digest.update(size.to_be_bytes()),
            EntryKind::File { .. } => digest.update(self.read_file(path)?),
            EntryKind::Symlink => digest.update(self.read_link(path)?),
            EntryKind::Directory => {
                for (name, entry) in self.list(path)? {
                    digest.update((name.len() as u64).to_be_bytes());
                    digest.update(name);
                    digest.update([kind_tag(entry.kind)]);
                    digest.update(entry.id.as_bytes());
                }
            }
            EntryKind::Other => {}
        }
        Ok(ContentId::new(&digest.finalize()))
    }
}

fn kind_tag(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File { .. } => 0,
        EntryKind::Directory => 1,
        EntryKind::Symlink => 2,
        EntryKind::Other => 3,
    }
}

fn storage(path: &TreePath, error: std::io::Error) -> TreeError {
    match error.kind() {
        std::io::ErrorKind::NotFound => TreeError::NotFound(path.clone()),
        _ => TreeError::Storage { path: path.clone(), source: error.into() },
    }
}

fn kind(path: &Path) -> std::io::Result<EntryKind> {
    let metadata = fs::symlink_metadata(path)?;
    let file_type = metadata.file_type();
    Ok(if file_type.is_symlink() {
        EntryKind::Symlink
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_file() {
        EntryKind::File { size: metadata.len() }
    } else {
        EntryKind::Other
    })
}

impl Tree for DiskTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match kind(&self.path(path)) {
            Ok(kind) => Ok(Some(Entry { kind, id: self.id(path, kind)? })),
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
        let before = tree.entry(&path("apps")).unwrap().unwrap().id;
        fs::write(directory.path().join("apps/base/a.yaml"), "a: 2").unwrap();
        assert_ne!(tree.entry(&path("apps")).unwrap().unwrap().id, before);
    }
}
