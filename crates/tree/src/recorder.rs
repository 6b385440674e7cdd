//! Remembers what was read from a tree, to tell later whether it changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// What one read of a tree learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing stood at the path.
    Absent,
    /// What stood at the path was neither read nor listed, only looked at: its kind matters, its content not.
    Looked(EntryKindTag),
    /// The content with this id was read or listed.
    Content(ContentId),
}

/// The kind of an entry without what changes with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKindTag {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Neither.
    Other,
}

impl From<EntryKind> for EntryKindTag {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File { .. } => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Symlink => Self::Symlink,
            EntryKind::Other => Self::Other,
        }
    }
}

/// Everything that was read from a tree: content ids, names in directories, absences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    entries: BTreeMap<TreePath, Read>,
    listings: BTreeMap<TreePath, Vec<(String, EntryKindTag)>>,
}

impl Reads {
    /// Whether `tree` would answer every recorded read as it was answered then.
    ///
    /// The cost follows what was read, not the size of the tree: a look at each path, and none at content.
    pub fn unchanged_in(&self, tree: &dyn Tree) -> Result<bool, TreeError> {
        for (path, read) in &self.entries {
            let same = match (read, tree.entry(path)?) {
                (Read::Absent, None) => true,
                (Read::Looked(kind), Some(entry)) => *kind == entry.kind.into(),
                (Read::Content(id), Some(entry)) => *id == entry.id,
                _ => false,
            };
            if !same {
                return Ok(false);
            }
        }
        for (path, names) in &self.listings {
            let is_directory = matches!(tree.entry(path)?, Some(Entry { kind: EntryKind::Directory, .. }));
            if !is_directory || *names != listing(&tree.list(path)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The paths that were looked at, with what was learned, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&TreePath, &Read)> {
        self.entries.iter()
    }

    /// The directories whose names were listed, in order.
    pub fn listings(&self) -> impl Iterator<Item = &TreePath> {
        self.listings.keys()
    }
}

fn listing(entries: &[(String, Entry)]) -> Vec<(String, EntryKindTag)> {
    entries.iter().map(|(name, entry)| (name.clone(), entry.kind.into())).collect()
}

/// A tree that remembers what is read through it.
pub struct Recorder<'a> {
    tree: &'a dyn Tree,
    reads: Mutex<Reads>,
}

impl<'a> Recorder<'a> {
    /// Records reads of `tree`.
    pub fn new(tree: &'a dyn Tree) -> Self {
        Self { tree, reads: Mutex::default() }
    }

    /// What was read.
    pub fn into_reads(self) -> Reads {
        self.reads.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &TreePath, read: Read) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reads.entries.get(path);
        // A look never hides that the content was read.
        if !matches!((known, &read), (Some(Read::Content(_)), Read::Looked(_))) {
            reads.entries.insert(path.clone(), read);
        }
    }
}

impl Tree for Recorder<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let entry = self.tree.entry(path)?;
        self.note(path, entry.as_ref().map_or(Read::Absent, |entry| Read::Looked(entry.kind.into())));
        Ok(entry)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        if let Some(entry) = self.tree.entry(path)? {
            self.note(path, Read::Content(entry.id));
        }
        self.tree.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let entries = self.tree.list(path)?;
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.listings.insert(path.clone(), listing(&entries));
        drop(reads);
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        if let Some(entry) = self.tree.entry(path)? {
            self.note(path, Read::Content(entry.id));
        }
        self.tree.read_link(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn reads_notice_content_names_and_absences_and_nothing_else() {
        let base = MemoryTree::new([("a/x", "1"), ("a/y", "1"), ("b/z", "1")]).unwrap();
        let recorder = Recorder::new(&base);
        recorder.read(&path("a/x")).unwrap();
        recorder.read_dir(&path("b")).unwrap();
        assert!(recorder.stat(&path("c")).unwrap().is_none());
        let reads = recorder.into_reads();

        let changed = |edit: &dyn Fn(&mut MemoryTree)| {
            let mut tree = base.clone();
            edit(&mut tree);
            !reads.unchanged_in(&tree).unwrap()
        };
        assert!(!changed(&|_| {}));
        assert!(!changed(&|tree| tree.insert("a/y", "2").unwrap()), "a neighbour that was not read");
        assert!(!changed(&|tree| tree.insert("b/z", "2").unwrap()), "content that was listed, not read");
        assert!(changed(&|tree| tree.insert("a/x", "2").unwrap()));
        assert!(changed(&|tree| tree.insert("b/new", "").unwrap()));
        assert!(changed(&|tree| tree.insert("c", "").unwrap()));
        assert!(changed(&|tree| {
            tree.remove(&path("a/x"));
        }));
    }
}
