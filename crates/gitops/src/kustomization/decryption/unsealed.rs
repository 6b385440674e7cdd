//! A tree in which files are decrypted.

use std::collections::BTreeMap;

use bytes::Bytes;
use cowherd_tree::{Entry, EntryKind, Tree, TreeError, TreePath};

/// A tree with other contents of some files. What is read of it is read of the tree below too, so that whoever records that knows
/// what a render rests on: on the files as they are encrypted.
pub(in super::super) struct Unsealed<'t> {
    tree: &'t dyn Tree,
    files: BTreeMap<TreePath, Bytes>,
}

impl<'t> Unsealed<'t> {
    pub(in super::super) fn new(tree: &'t dyn Tree, files: BTreeMap<TreePath, Bytes>) -> Self {
        Self { tree, files }
    }

    fn unsealed(&self, path: &TreePath, entry: Entry) -> Entry {
        match self.files.get(path) {
            Some(bytes) => Entry { kind: EntryKind::File { size: bytes.len() as u64 }, ..entry },
            None => entry,
        }
    }
}

impl Tree for Unsealed<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(self.tree.entry(path)?.map(|entry| self.unsealed(path, entry)))
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let sealed = self.tree.read_file(path)?;
        Ok(self.files.get(path).cloned().unwrap_or(sealed))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut entries = self.tree.list(path)?;
        for (name, entry) in &mut entries {
            if let Ok(path) = path.join(name) {
                *entry = self.unsealed(&path, entry.clone());
            }
        }
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.tree.read_link(path)
    }
}
