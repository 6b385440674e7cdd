//! A tree held in memory: for tests, and for what is made rather than fetched.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// A tree of files given as path and content.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    nodes: BTreeMap<TreePath, Node>,
}

#[derive(Clone, Debug)]
enum Node {
    File(Bytes),
    Link(String),
}

impl MemoryTree {
    /// A tree of the given files; a path that leaves the tree is an error.
    pub fn new<P: AsRef<str>, C: Into<Bytes>>(
        files: impl IntoIterator<Item = (P, C)>,
    ) -> Result<Self, crate::PathError> {
        let mut tree = Self::default();
        for (path, content) in files {
            tree.insert(path.as_ref(), content)?;
        }
        Ok(tree)
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: &str, content: impl Into<Bytes>) -> Result<(), crate::PathError> {
        self.nodes.insert(TreePath::parse(path)?, Node::File(content.into()));
        Ok(())
    }

    /// Adds or replaces a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), crate::PathError> {
        self.nodes.insert(TreePath::parse(path)?, Node::Link(target.to_owned()));
        Ok(())
    }

    /// Removes a file; whether there was one.
    pub fn remove(&mut self, path: &TreePath) -> bool {
        self.nodes.remove(path).is_some()
    }

    fn below<'a>(&'a self, directory: &'a TreePath) -> impl Iterator<Item = (&'a TreePath, &'a Node)> {
        self.nodes.iter().filter(move |(path, _)| path.starts_with(directory) && *path != directory)
    }

    fn directory_id(&self, directory: &TreePath) -> ContentId {
        let mut digest = Sha256::new();
        for (path, node) in self.below(directory) {
            let (kind, content): (&[u8], &[u8]) = match node {
                Node::File(content) => (b"file", content),
                Node::Link(target) => (b"link", target.as_bytes()),
            };
            let relative = &path.as_str()[directory.as_str().len()..];
            for part in [kind, relative.as_bytes(), content] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        ContentId::new(&digest.finalize())
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(match self.nodes.get(path) {
            Some(Node::File(content)) => Some(Entry {
                kind: EntryKind::File { size: content.len() as u64 },
                id: ContentId::new(&Sha256::digest(content)),
            }),
            Some(Node::Link(target)) => {
                Some(Entry { kind: EntryKind::Symlink, id: ContentId::new(&Sha256::digest(target)) })
            }
            None if path.is_root() || self.below(path).next().is_some() => {
                Some(Entry { kind: EntryKind::Directory, id: self.directory_id(path) })
            }
            None => None,
        })
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match self.nodes.get(path) {
            Some(Node::File(content)) => Ok(content.clone()),
            Some(Node::Link(_)) => Err(TreeError::NotAFile(path.clone())),
            None => Err(TreeError::NotFound(path.clone())),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let skip = path.components().count();
        let mut names: Vec<String> =
            self.below(path).filter_map(|(below, _)| below.components().nth(skip).map(str::to_owned)).collect();
        names.dedup();
        let mut entries = Vec::new();
        for name in names {
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            if let Some(entry) = self.entry(&child)? {
                entries.push((name, entry));
            }
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|a, b| a.0 == b.0);
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        match self.nodes.get(path) {
            Some(Node::Link(target)) => Ok(target.clone()),
            _ => Err(TreeError::NotFound(path.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn links_are_followed_inside_and_refused_outside() {
        let mut tree = MemoryTree::new([("base/a.yaml", "a: 1"), ("top.yaml", "t: 1")]).unwrap();
        tree.link("apps/prod", "../base").unwrap();
        tree.link("apps/escape", "../../etc").unwrap();
        tree.link("apps/loop", "loop").unwrap();
        assert_eq!(tree.read(&path("apps/prod/a.yaml")).unwrap(), "a: 1");
        assert!(matches!(tree.read(&path("apps/escape/passwd")), Err(TreeError::Outside { .. })));
        assert!(matches!(tree.read(&path("apps/loop")), Err(TreeError::TooManyLinks(_))));
        assert!(tree.stat(&path("nothing")).unwrap().is_none());
    }

    #[test]
    fn the_id_of_a_directory_follows_its_content() {
        let mut tree = MemoryTree::new([("a/x", "1"), ("b/x", "1")]).unwrap();
        let id = |tree: &MemoryTree, at: &str| tree.entry(&path(at)).unwrap().unwrap().id;
        assert_eq!(id(&tree, "a"), id(&tree, "b"));
        let (root, a) = (id(&tree, "."), id(&tree, "a"));
        tree.insert("b/x", "2").unwrap();
        assert_eq!(id(&tree, "a"), a);
        assert_ne!(id(&tree, "."), root);
        assert_ne!(id(&tree, "b"), a);
    }

    #[test]
    fn a_directory_lists_its_children_sorted_once() {
        let tree = MemoryTree::new([("d/b/1", ""), ("d/a", ""), ("d/b/2", ""), ("e", "")]).unwrap();
        let names: Vec<_> = tree.read_dir(&path("d")).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
