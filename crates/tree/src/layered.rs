//! A tree with files laid over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, MemoryTree, Tree, TreeError, TreePath};

/// The files of one tree with those of another one over them: what stands in both is that of the upper one.
pub struct Layered {
    lower: Arc<dyn Tree>,
    upper: MemoryTree,
}

impl Layered {
    /// `upper` over `lower`.
    pub fn new(lower: Arc<dyn Tree>, upper: MemoryTree) -> Self {
        Self { lower, upper }
    }

    fn is_directory(entry: Option<&Entry>) -> bool {
        matches!(entry, Some(Entry { kind: EntryKind::Directory, .. }))
    }
}

impl Tree for Layered {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let (Some(upper), lower) = (self.upper.entry(path)?, self.lower.entry(path)?) else {
            return self.lower.entry(path);
        };
        let Some(lower) = lower.filter(|lower| Self::is_directory(Some(&upper)) && Self::is_directory(Some(lower)))
        else {
            return Ok(Some(upper));
        };
        let mut digest = Sha256::new();
        for id in [&lower.id, &upper.id] {
            digest.update((id.as_bytes().len() as u64).to_be_bytes());
            digest.update(id.as_bytes());
        }
        Ok(Some(Entry { kind: EntryKind::Directory, id: ContentId::new(&digest.finalize()) }))
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match self.upper.entry(path)? {
            Some(_) => self.upper.read_file(path),
            None => self.lower.read_file(path),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let upper = self.upper.entry(path)?;
        if upper.is_none() {
            return self.lower.list(path);
        }
        let mut names: BTreeMap<String, Entry> = self.upper.list(path)?.into_iter().collect();
        if Self::is_directory(self.lower.entry(path)?.as_ref()) {
            for (name, entry) in self.lower.list(path)? {
                let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
                let entry = if names.contains_key(&name) { self.entry(&child)? } else { Some(entry) };
                names.extend(entry.map(|entry| (name, entry)));
            }
        }
        Ok(names.into_iter().collect())
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        match self.upper.entry(path)? {
            Some(_) => self.upper.read_link(path),
            None => self.lower.read_link(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_both_are_there_and_the_upper_ones_win() {
        let lower = MemoryTree::new([("a/x", "lower"), ("a/y", "lower"), ("b", "lower")]).unwrap();
        let upper = MemoryTree::new([("a/x", "upper"), ("a/z", "upper"), ("c/d", "upper")]).unwrap();
        let tree = Layered::new(Arc::new(lower), upper);
        let path = |text: &str| TreePath::parse(text).unwrap();
        let read = |at: &str| String::from_utf8(tree.read(&path(at)).unwrap().to_vec()).unwrap();
        let all = ["a/x", "a/y", "a/z", "b", "c/d"].map(read);
        assert_eq!(all, ["upper", "lower", "upper", "lower", "upper"]);
        let names = |at: &str| tree.read_dir(&path(at)).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("a"), ["x", "y", "z"]);
        assert_eq!(names("."), ["a", "b", "c"]);
        for (name, entry) in tree.read_dir(&path(".")).unwrap() {
            assert_eq!(tree.entry(&path(&name)).unwrap(), Some(entry), "{name}");
        }
    }
}
