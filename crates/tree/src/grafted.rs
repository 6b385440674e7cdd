//! A tree in which another one stands at a path.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// Why a tree cannot stand at a path of another.
#[derive(Debug, thiserror::Error)]
pub enum GraftError {
    /// Something is there already.
    #[error("there is something at {0} already")]
    Taken(TreePath),
    /// The way there leads through something else than directories.
    #[error("{0} is no directory")]
    NotADirectory(TreePath),
    /// There is nothing that could stand there.
    #[error("there is nothing to put at {0}")]
    Nothing(TreePath),
    /// A tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// A tree in which another one, or one file, stands at a path.
///
/// Ids of what is in either stay as they are; those of the directories on the way are made of both.
pub struct Grafted {
    base: Arc<dyn Tree>,
    at: TreePath,
    graft: Arc<dyn Tree>,
}

impl Grafted {
    /// `base` with `graft` at the path `at`: where nothing stands, or a submodule, or, for one file, another.
    ///
    /// # Errors
    /// When something else stands there, or on the way.
    pub fn new(base: Arc<dyn Tree>, at: TreePath, graft: Arc<dyn Tree>) -> Result<Self, GraftError> {
        let Some(root) = graft.entry(&TreePath::root())? else { return Err(GraftError::Nothing(at)) };
        let mut above = at.parent();
        while !above.is_root() {
            if base.entry(&above)?.is_some_and(|entry| entry.kind != EntryKind::Directory) {
                return Err(GraftError::NotADirectory(above));
            }
            above = above.parent();
        }
        let is_file = |kind| matches!(kind, EntryKind::File { .. });
        let is_free = match base.entry(&at)?.map(|entry| entry.kind) {
            None | Some(EntryKind::Other) => true,
            Some(kind) => is_file(kind) && is_file(root.kind),
        };
        if at.is_root() || !is_free {
            return Err(GraftError::Taken(at));
        }
        Ok(Self { base, at, graft })
    }

    /// The path in the graft, if it is one there.
    fn inside(&self, path: &TreePath) -> Option<TreePath> {
        if !path.starts_with(&self.at) {
            return None;
        }
        TreePath::parse(&path.as_str()[self.at.as_str().len()..]).ok()
    }

    /// A directory on the way to the graft.
    fn on_the_way(&self, path: &TreePath) -> Result<Entry, TreeError> {
        let below = self.base.entry(path)?.map(|entry| entry.id);
        let graft = self.graft.entry(&TreePath::root())?.map(|entry| entry.id);
        let mut digest = Sha256::new();
        for part in [below.as_ref().map(ContentId::as_bytes), graft.as_ref().map(ContentId::as_bytes)] {
            let part = part.unwrap_or_default();
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.update(&self.at.as_str()[path.as_str().len()..]);
        Ok(Entry { kind: EntryKind::Directory, id: ContentId::new(&digest.finalize()) })
    }
}

impl Tree for Grafted {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match self.inside(path) {
            Some(inside) => self.graft.entry(&inside),
            None if self.at.starts_with(path) => self.on_the_way(path).map(Some),
            None => self.base.entry(path),
        }
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match self.inside(path) {
            Some(inside) => self.graft.read_file(&inside),
            None => self.base.read_file(path),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        if let Some(inside) = self.inside(path) {
            return self.graft.list(&inside);
        }
        if !self.at.starts_with(path) {
            return self.base.list(path);
        }
        let mut names = if self.base.entry(path)?.is_some() { self.base.list(path)? } else { Vec::new() };
        let next = self.at.components().nth(path.components().count()).unwrap_or_default();
        let child = path.join(next).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
        names.retain(|(name, _)| name != next);
        names.extend(self.entry(&child)?.map(|entry| (next.to_owned(), entry)));
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        match self.inside(path) {
            Some(inside) => self.graft.read_link(&inside),
            None => self.base.read_link(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryTree, Subtree};

    fn tree(files: &[(&'static str, &'static str)]) -> Arc<dyn Tree> {
        Arc::new(MemoryTree::new(files.iter().copied()).unwrap())
    }

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn names(tree: &dyn Tree, at: &str) -> Vec<String> {
        tree.read_dir(&path(at)).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_put_in_is_found_among_what_is_there() {
        let base = tree(&[("a/x", "1"), ("z", "2")]);
        let other = tree(&[("deep/b", "3")]);
        let grafted = Grafted::new(base.clone(), path("a/new/place"), other.clone()).unwrap();
        assert_eq!(names(&grafted, ""), ["a", "z"]);
        assert_eq!(names(&grafted, "a"), ["new", "x"]);
        assert_eq!(names(&grafted, "a/new"), ["place"]);
        assert_eq!(names(&grafted, "a/new/place/deep"), ["b"]);
        assert_eq!(grafted.read(&path("a/new/place/deep/b")).unwrap(), "3");
        assert_eq!(grafted.read(&path("z")).unwrap(), "2");
        assert_eq!(grafted.entry(&path("a/new/other")).unwrap(), None);
        // A tree in a tree in a tree.
        let again = Grafted::new(Arc::new(grafted), path("a/new/beside"), other).unwrap();
        assert_eq!(names(&again, "a/new"), ["beside", "place"]);
        assert_eq!(again.read(&path("a/new/place/deep/b")).unwrap(), "3");
    }

    #[test]
    fn ids_tell_what_changed_and_where() {
        let id = |grafted: &Grafted, at: &str| grafted.entry(&path(at)).unwrap().unwrap().id;
        let base = tree(&[("a/x", "1"), ("z", "2")]);
        let put =
            |at: &str, content: &'static str| Grafted::new(base.clone(), path(at), tree(&[("b", content)])).unwrap();
        let (one, same, other) = (put("a/n", "3"), put("a/n", "3"), put("a/n", "4"));
        for at in ["", "a", "a/n"] {
            assert_eq!(id(&one, at), id(&same, at), "{at}");
            assert_ne!(id(&one, at), id(&other, at), "{at}");
        }
        assert_eq!(id(&one, "z"), id(&other, "z"));
        assert_ne!(id(&one, ""), id(&put("a/m", "3"), ""), "it is somewhere else");
    }

    #[test]
    fn nothing_is_put_where_something_is() {
        let mut base = MemoryTree::new([("a/x", "1"), ("file", "2")]).unwrap();
        base.link("link", "a").unwrap();
        let base: Arc<dyn Tree> = Arc::new(base);
        let other = tree(&[("b", "3")]);
        for at in ["", "a", "file", "link"] {
            assert!(matches!(Grafted::new(base.clone(), path(at), other.clone()), Err(GraftError::Taken(_))), "{at}");
        }
        for at in ["file/x", "link/x"] {
            let refused = Grafted::new(base.clone(), path(at), other.clone());
            assert!(matches!(refused, Err(GraftError::NotADirectory(_))), "{at}");
        }
        let file = || Arc::new(Subtree::new(other.clone(), path("b")));
        let replaced = Grafted::new(base.clone(), path("file"), file()).unwrap();
        assert_eq!(replaced.read(&path("file")).unwrap(), "3");
        assert!(matches!(Grafted::new(base.clone(), path("a"), file()), Err(GraftError::Taken(_))));
        let gone = Arc::new(Subtree::new(other, path("gone")));
        assert!(matches!(Grafted::new(base, path("n"), gone), Err(GraftError::Nothing(_))));
    }
}
