//! A tree over a directory of the file system: what `cowherd render PATH` reads.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// The files below a directory, read when asked for.
///
/// The directory is expected to stand still meanwhile. Ids are what the file system says of a file (device, inode, size
/// and times): they tell whether a file was touched, and two files with the same content have different ones. The id
/// of a directory says nothing of what lies below the files it names.
#[derive(Clone, Debug)]
pub struct DiskTree {
    root: PathBuf,
}

/// What most files are smaller than, in bytes.
const SMALL_FILE: usize = 16 * 1024;

impl DiskTree {
    /// The tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &TreePath) -> PathBuf {
        self.root.join(path.as_str())
    }
}

fn entry(metadata: &Metadata) -> Entry {
    Entry { kind: kind(metadata), id: id(metadata) }
}

/// An id from what the file system says of the file. Reading the content, and for a directory all the content below
/// it, would cost more than whoever renders a directory once gets back.
fn id(metadata: &Metadata) -> ContentId {
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let [modified, modified_nanos, changed, changed_nanos] = times.map(i64::cast_unsigned);
    let file = [metadata.dev(), metadata.ino(), metadata.size()];
    let [device, inode, size] = file;
    let mut bytes = [0; 56];
    let numbers = [device, inode, size, modified, modified_nanos, changed, changed_nanos];
    for (bytes, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_be_bytes());
    }
    ContentId::new(&bytes)
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
            Ok(metadata) => Ok(Some(entry(&metadata))),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(storage(path, error)),
        }
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        read(&self.path(path)).map(Bytes::from).map_err(|error| storage(path, error))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut entries = Vec::new();
        for found in fs::read_dir(self.path(path)).map_err(|error| storage(path, error))? {
            let found = found.map_err(|error| storage(path, error))?;
            let name = found.file_name().to_string_lossy().into_owned();
            // A repository's own database is not part of its tree.
            if path.is_root() && name == ".git" {
                continue;
            }
            match found.metadata() {
                Ok(metadata) => entries.push((name, entry(&metadata))),
                Err(error) if absent(&error) => {}
                Err(error) => return Err(storage(path, error)),
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

/// The content of a file. Most are small: asking for the size first would cost a system call more than it saves.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut content = Vec::with_capacity(SMALL_FILE);
    // Through `take`, since a file that is read to its end directly is asked for its size and position first.
    (&mut file).take(u64::MAX).read_to_end(&mut content)?;
    content.shrink_to_fit();
    Ok(content)
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
