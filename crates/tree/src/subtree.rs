//! A directory of a tree as a tree of its own.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Entry, Tree, TreeError, TreePath};

/// What lies below a directory of another tree.
pub struct Subtree {
    tree: Arc<dyn Tree>,
    directory: TreePath,
}

impl Subtree {
    /// What lies below `directory`, which must be no link.
    pub fn new(tree: Arc<dyn Tree>, directory: TreePath) -> Self {
        Self { tree, directory }
    }

    fn path(&self, path: &TreePath) -> Result<TreePath, TreeError> {
        self.directory.join(path.as_str()).map_err(|source| TreeError::Outside { path: path.clone(), source })
    }
}

impl Tree for Subtree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(&self.path(path)?)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.tree.read_file(&self.path(path)?)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(&self.path(path)?)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.tree.read_link(&self.path(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    #[test]
    fn nothing_but_what_lies_below_is_there() {
        let mut tree = MemoryTree::new([("a/b/x", "1"), ("a/y", "2")]).unwrap();
        tree.link("a/b/out", "../y").unwrap();
        let below = Subtree::new(Arc::new(tree), TreePath::parse("a/b").unwrap());
        assert_eq!(below.read(&TreePath::parse("x").unwrap()).unwrap(), "1");
        assert!(matches!(below.read(&TreePath::parse("out").unwrap()), Err(TreeError::Outside { .. })));
        let names: Vec<_> = below.read_dir(&TreePath::root()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["out", "x"]);
    }
}
