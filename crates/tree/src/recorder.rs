//! Remembers what is read from a tree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::reads::{Listing, listing};
use crate::{Entry, EntryKind, MAX_FILE_SIZE, Read, Reads, Tree, TreeError, TreePath};

/// A tree that remembers what is read through it.
pub struct Recorder<'a> {
    tree: &'a dyn Tree,
    seen: Mutex<Seen>,
    failed: AtomicBool,
}

#[derive(Default)]
struct Seen {
    entries: BTreeMap<TreePath, Read>,
    listings: BTreeMap<TreePath, Listing>,
}

impl<'a> Recorder<'a> {
    /// Records reads of `tree`.
    pub fn new(tree: &'a dyn Tree) -> Self {
        Self { tree, seen: Mutex::default(), failed: AtomicBool::default() }
    }

    /// What was read.
    pub fn into_reads(self) -> Reads {
        let Seen { entries, listings } = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        Reads { entries: entries.into(), listings: listings.into() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the storage below the tree failed: what was read does not say all of what came of it then.
    pub fn met_failures(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Passes an answer on, with a note where the storage failed.
    fn watch<T>(&self, answer: Result<T, TreeError>) -> Result<T, TreeError> {
        if matches!(answer, Err(TreeError::Storage { .. })) {
            self.failed.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Notes that the content at `path` was asked for.
    fn note_content(&self, path: &TreePath) -> Result<(), TreeError> {
        let entry = self.watch(self.tree.entry(path))?;
        self.note(path, entry.map_or(Read::Absent, |entry| Read::Content(entry.id)));
        Ok(())
    }

    fn note(&self, path: &TreePath, read: Read) {
        let mut seen = self.seen();
        // A look never hides that the content was read.
        if !matches!((seen.entries.get(path), &read), (Some(Read::Content(_)), Read::Looked(_))) {
            seen.entries.insert(path.clone(), read);
        }
    }
}

impl Tree for Recorder<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let entry = self.watch(self.tree.entry(path))?;
        let read = entry.as_ref().map_or(Read::Absent, |entry| match entry.kind {
            // Whoever sees this size refuses the file: what is learned is more than its kind.
            EntryKind::File { size } if size > MAX_FILE_SIZE => Read::Content(entry.id.clone()),
            kind => Read::Looked(kind.into()),
        });
        self.note(path, read);
        Ok(entry)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.note_content(path)?;
        self.watch(self.tree.read_file(path))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let entries = self.watch(self.tree.list(path)).inspect_err(|_| drop(self.entry(path)))?;
        self.seen().listings.insert(path.clone(), listing(&entries));
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.note_content(path)?;
        self.watch(self.tree.read_link(path))
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

    /// A tree on a disk that fails.
    struct Broken;

    impl Broken {
        fn fail<T>(path: &TreePath) -> Result<T, TreeError> {
            Err(TreeError::Storage { path: path.clone(), source: "the disk is broken".into() })
        }
    }

    impl Tree for Broken {
        fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
            Self::fail(path)
        }

        fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
            Self::fail(path)
        }

        fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
            Self::fail(path)
        }

        fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
            Self::fail(path)
        }
    }

    #[test]
    fn a_disk_that_failed_is_told_from_what_is_missing() {
        let fails = |tree: &dyn Tree| {
            let recorder = Recorder::new(tree);
            assert!(recorder.read(&path("a")).is_err() && recorder.read_dir(&path("b")).is_err());
            recorder.met_failures()
        };
        assert!(fails(&Broken));
        assert!(!fails(&MemoryTree::default()));
    }

    #[test]
    fn failed_reads_are_remembered_too() {
        let base = MemoryTree::new([("a/x", vec![0; MAX_FILE_SIZE as usize + 1]), ("b", vec![])]).unwrap();
        let recorder = Recorder::new(&base);
        assert!(matches!(recorder.read(&path("a/x")), Err(TreeError::TooLarge { .. })));
        assert!(recorder.read_file(&path("a/missing")).is_err());
        assert!(recorder.read_link(&path("link")).is_err());
        assert!(recorder.list(&path("b")).is_err());
        let reads = recorder.into_reads();
        assert!(reads.unchanged_in(&base).unwrap());
        for (at, content) in [("a/x", "small"), ("a/missing", ""), ("link", ""), ("b/x", "")] {
            let mut tree = base.clone();
            if at == "b/x" {
                tree.remove(&path("b"));
            }
            tree.insert(at, content).unwrap();
            assert!(!reads.unchanged_in(&tree).unwrap(), "{at}");
        }
    }
}
