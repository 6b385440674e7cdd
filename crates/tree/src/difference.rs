//! Finds where two trees differ, and whom that concerns, at the cost of the changes.

use std::collections::HashSet;

use crate::{Entry, EntryKind, EntryKindTag, Reads, Tree, TreeError, TreePath};

/// The paths at which two trees differ.
///
/// A directory whose content differs is none of them, what differs in it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    paths: HashSet<TreePath>,
    /// The directories that list other names, or names of other kinds.
    listings: HashSet<TreePath>,
}

impl Differences {
    /// Where `old` and `new` differ. Directories with equal ids are not looked into, so the cost follows the size of the
    /// change and of the directories on the way to it.
    pub fn between(old: &dyn Tree, new: &dyn Tree) -> Result<Self, TreeError> {
        let mut found = Self::default();
        let mut rest = vec![TreePath::root()];
        while let Some(directory) = rest.pop() {
            let (before, after) = (list(old, &directory)?, list(new, &directory)?);
            let join = |name: &str| directory.join(name).map_err(|source| outside(&directory, source));
            let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
            loop {
                let order = match (before.peek(), after.peek()) {
                    (None, None) => break,
                    (Some(_), None) => std::cmp::Ordering::Less,
                    (None, Some(_)) => std::cmp::Ordering::Greater,
                    (Some((a, _)), Some((b, _))) => a.cmp(b),
                };
                let a = if order.is_le() { before.next() } else { None };
                let b = if order.is_ge() { after.next() } else { None };
                let Some(name) = a.as_ref().or(b.as_ref()).map(|(name, _)| name.clone()) else { break };
                let (a, b) = (a.map(|(_, entry)| entry), b.map(|(_, entry)| entry));
                compare(join(&name)?, a.as_ref(), b.as_ref(), &mut found, &mut rest);
            }
        }
        Ok(found)
    }

    /// The paths, in no order.
    pub fn paths(&self) -> impl Iterator<Item = &TreePath> {
        self.paths.iter()
    }

    /// Whether they may concern whoever read `reads` from the first of the trees. Where they do not, the other tree
    /// answers all of it alike.
    pub fn concern(&self, reads: &Reads) -> bool {
        if self.paths.len() + self.listings.len() < reads.len() {
            return self.paths.iter().any(|path| reads.has_entry(path))
                || self.listings.iter().any(|path| reads.has_listing(path));
        }
        reads.entries().any(|(path, _)| self.paths.contains(path))
            || reads.listings().any(|path| self.listings.contains(path))
    }

    fn note(&mut self, path: TreePath, is_listed: bool) {
        if is_listed {
            self.listings.insert(path.parent());
            self.listings.insert(path.clone());
        }
        self.paths.insert(path);
    }
}

fn compare(
    path: TreePath,
    old: Option<&Entry>,
    new: Option<&Entry>,
    found: &mut Differences,
    rest: &mut Vec<TreePath>,
) {
    let tag = |entry: Option<&Entry>| entry.map(|entry| EntryKindTag::from(entry.kind));
    let is_listed = tag(old) != tag(new);
    if !is_listed && old.map(|entry| &entry.id) == new.map(|entry| &entry.id) {
        return;
    }
    let is_directory = |entry: Option<&Entry>| matches!(entry, Some(Entry { kind: EntryKind::Directory, .. }));
    if is_directory(old) || is_directory(new) {
        rest.push(path.clone());
    }
    if is_listed || !is_directory(new) {
        found.note(path, is_listed);
    }
}

/// What is in the directory; nothing where there is none.
fn list(tree: &dyn Tree, directory: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
    match tree.entry(directory)? {
        Some(Entry { kind: EntryKind::Directory, .. }) => tree.list(directory),
        _ => Ok(Vec::new()),
    }
}

fn outside(path: &TreePath, source: crate::PathError) -> TreeError {
    TreeError::Outside { path: path.clone(), source }
}
