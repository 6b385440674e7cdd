//! A tree held in memory: for what is made or unpacked rather than read in place, and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::OnceLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{ContentId, Entry, EntryKind, PathError, Tree, TreeError, TreePath};

/// A tree of files given as path and content.
///
/// A look at a path costs the depth of the tree, not its size: ids are made when they are first asked for and kept
/// until something below them changes.
#[derive(Clone, Default)]
pub struct MemoryTree {
    nodes: BTreeMap<TreePath, Node>,
    /// Every directory that holds something.
    directories: BTreeMap<TreePath, Directory>,
}

#[derive(Clone)]
struct Node {
    content: Content,
    id: OnceLock<ContentId>,
}

#[derive(Clone)]
enum Content {
    File(Bytes),
    Link(String),
}

#[derive(Clone, Default)]
struct Directory {
    names: BTreeSet<String>,
    id: OnceLock<ContentId>,
}

impl Node {
    fn entry(&self) -> Entry {
        let (kind, bytes) = match &self.content {
            Content::File(content) => (EntryKind::File { size: content.len() as u64 }, content.as_ref()),
            Content::Link(target) => (EntryKind::Symlink, target.as_bytes()),
        };
        Entry { kind, id: self.id.get_or_init(|| ContentId::new(&Sha256::digest(bytes))).clone() }
    }
}

impl MemoryTree {
    /// A tree of the given files; a path that leaves the tree is an error.
    pub fn new<P: AsRef<str>, C: Into<Bytes>>(files: impl IntoIterator<Item = (P, C)>) -> Result<Self, PathError> {
        let mut tree = Self::default();
        for (path, content) in files {
            tree.insert(path.as_ref(), content)?;
        }
        Ok(tree)
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: &str, content: impl Into<Bytes>) -> Result<(), PathError> {
        self.put(TreePath::parse(path)?, Content::File(content.into()));
        Ok(())
    }

    /// Adds or replaces a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), PathError> {
        self.put(TreePath::parse(path)?, Content::Link(target.to_owned()));
        Ok(())
    }

    /// Removes a file; whether there was one.
    pub fn remove(&mut self, path: &TreePath) -> bool {
        let removed = self.nodes.remove(path).is_some();
        let mut gone = removed && !self.directories.contains_key(path);
        let mut child = path.clone();
        while removed && !child.is_root() {
            let parent = child.parent();
            if let Some(directory) = self.directories.get_mut(&parent) {
                directory.id = OnceLock::new();
                if gone {
                    directory.names.remove(child.file_name());
                    gone = directory.names.is_empty();
                }
            }
            if gone {
                self.directories.remove(&parent);
                gone = !self.nodes.contains_key(&parent);
            }
            child = parent;
        }
        removed
    }

    /// The files and links of the tree, in the order of their paths (bytewise).
    pub fn paths(&self) -> impl Iterator<Item = &TreePath> {
        self.nodes.keys()
    }

    /// The id of the whole tree: equal for trees of the same files, however they were made.
    pub fn id(&self) -> ContentId {
        self.directory_id(&TreePath::root())
    }

    /// Whether something new at `path` would stand where a file or a directory is, or below a file.
    pub(crate) fn is_taken(&self, path: &TreePath) -> bool {
        let mut above = path.clone();
        while !above.is_root() {
            above = above.parent();
            if self.nodes.contains_key(&above) {
                return true;
            }
            // A directory that is there has only directories above it.
            if self.directories.contains_key(&above) {
                break;
            }
        }
        self.nodes.contains_key(path) || self.directories.contains_key(path)
    }

    /// Whether a file or a link stands at `path`.
    pub(crate) fn has_file(&self, path: &TreePath) -> bool {
        self.nodes.contains_key(path)
    }

    fn put(&mut self, path: TreePath, content: Content) {
        let mut child = path.clone();
        while !child.is_root() {
            let parent = child.parent();
            let directory = self.directories.entry(parent.clone()).or_default();
            directory.id = OnceLock::new();
            if !directory.names.contains(child.file_name()) {
                directory.names.insert(child.file_name().to_owned());
            }
            child = parent;
        }
        self.nodes.insert(path, Node { content, id: OnceLock::new() });
    }

    /// The files and links below a directory, with their paths from there.
    fn below(&self, directory: &TreePath) -> impl Iterator<Item = (&str, &Node)> {
        let skip = if directory.is_root() { 0 } else { directory.as_str().len() + 1 };
        let directory = directory.clone();
        self.nodes
            .range((Bound::Excluded(directory.clone()), Bound::Unbounded))
            // What begins with the same letters may stand between a directory and what it holds: `a`, `a-b`, `a/c`.
            .take_while({
                let directory = directory.clone();
                move |(path, _)| path.as_str().starts_with(directory.as_str())
            })
            .filter(move |(path, _)| path.starts_with(&directory))
            .map(move |(path, node)| (path.as_str().get(skip..).unwrap_or_default(), node))
    }

    fn directory_id(&self, path: &TreePath) -> ContentId {
        let make = || {
            let mut digest = Sha256::new();
            for (path, node) in self.below(path) {
                let kind: &[u8] = match node.content {
                    Content::File(_) => b"file",
                    Content::Link(_) => b"link",
                };
                for part in [kind, path.as_bytes(), node.entry().id.as_bytes()] {
                    digest.update((part.len() as u64).to_be_bytes());
                    digest.update(part);
                }
            }
            ContentId::new(&digest.finalize())
        };
        match self.directories.get(path) {
            Some(directory) => directory.id.get_or_init(make).clone(),
            None => make(),
        }
    }
}

/// Without the contents, which may be long or secret.
impl fmt::Debug for MemoryTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTree").field("files", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(match self.nodes.get(path) {
            Some(node) => Some(node.entry()),
            None if path.is_root() || self.directories.contains_key(path) => {
                Some(Entry { kind: EntryKind::Directory, id: self.directory_id(path) })
            }
            None => None,
        })
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match self.nodes.get(path).map(|node| &node.content) {
            Some(Content::File(content)) => Ok(content.clone()),
            Some(Content::Link(_)) => Err(TreeError::NotAFile(path.clone())),
            None if self.directories.contains_key(path) => Err(TreeError::NotAFile(path.clone())),
            None => Err(TreeError::NotFound(path.clone())),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let Some(directory) = self.directories.get(path) else {
            return match self.nodes.contains_key(path) {
                true => Err(TreeError::NotADirectory(path.clone())),
                false if path.is_root() => Ok(Vec::new()),
                false => Err(TreeError::NotFound(path.clone())),
            };
        };
        let mut entries = Vec::with_capacity(directory.names.len());
        for name in &directory.names {
            let child = path.join(name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            if let Some(entry) = self.entry(&child)? {
                entries.push((name.clone(), entry));
            }
        }
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        match self.nodes.get(path).map(|node| &node.content) {
            Some(Content::Link(target)) => Ok(target.clone()),
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

    #[test]
    fn an_id_follows_every_change_below_it() {
        let mut tree = MemoryTree::new([("a/b/c", "1"), ("a-b", "2"), ("a/d", "3")]).unwrap();
        let id = |tree: &MemoryTree, at: &str| tree.entry(&path(at)).unwrap().map(|entry| entry.id);
        let before = id(&tree, "a");
        tree.insert("a-b", "changed").unwrap();
        assert_eq!(id(&tree, "a"), before, "a neighbour whose name begins the same");
        tree.insert("a/b/new", "").unwrap();
        assert_ne!(id(&tree, "a"), before);
        assert!(tree.remove(&path("a/b/new")));
        assert_eq!(id(&tree, "a"), before);
        assert!(tree.remove(&path("a/b/c")));
        assert_eq!(id(&tree, "a/b"), None, "a directory goes with the last file in it");
        assert!(!tree.remove(&path("a/b/c")));
        assert!(tree.remove(&path("a/d")));
        let names: Vec<_> = tree.list(&TreePath::root()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a-b"]);
        assert_eq!(tree.id(), MemoryTree::new([("a-b", "changed")]).unwrap().id());
    }

    #[test]
    fn a_listing_of_many_files_looks_at_each_once() {
        let file = |directory: usize, name: usize| (format!("d{directory}/e/f{name}"), "content");
        let files = (0..100).flat_map(|directory| (0..100).map(move |name| file(directory, name)));
        let tree = MemoryTree::new(files).unwrap();
        // What took the square of their number would take minutes here.
        for round in 0..20 {
            assert_eq!(tree.list(&TreePath::root()).unwrap().len(), 100, "round {round}");
            for (directory, name) in (0..100).zip((0..100).rev()) {
                let (file, _) = file(directory, name);
                assert_eq!(tree.read(&path(&file)).unwrap(), "content");
                assert_eq!(tree.list(&path(&format!("d{directory}/e"))).unwrap().len(), 100);
            }
        }
    }
}
