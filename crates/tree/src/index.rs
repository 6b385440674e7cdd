//! Finds out whom the changes between two trees concern, at the cost of the changes.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::{Entry, EntryKind, EntryKindTag, Reads, Tree, TreeError, TreePath};

/// A path at which two trees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The path.
    pub path: TreePath,
    /// Whether something is there in one of the trees only, or of another kind: a listing of the directory shows it.
    pub is_listed: bool,
}

/// The paths at which `old` and `new` differ. Directories with equal ids are not looked into, so the cost follows the
/// size of the change and of the directories on the way to it.
///
/// A directory whose content differs is none of them, what differs in it is.
pub fn differing(old: &dyn Tree, new: &dyn Tree) -> Result<Vec<Differing>, TreeError> {
    let mut found = Vec::new();
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

fn compare(
    path: TreePath,
    old: Option<&Entry>,
    new: Option<&Entry>,
    found: &mut Vec<Differing>,
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
        found.push(Differing { path, is_listed });
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

/// Who read what: tells whom a change concerns without asking everybody.
#[derive(Clone, Debug)]
pub struct ReadIndex<K> {
    /// Who looked at a path, or read what is there.
    entries: HashMap<TreePath, HashSet<K>>,
    /// Who listed a directory.
    listings: HashMap<TreePath, HashSet<K>>,
}

impl<K> Default for ReadIndex<K> {
    fn default() -> Self {
        Self { entries: HashMap::new(), listings: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> ReadIndex<K> {
    /// Adds what `reader` read.
    pub fn insert(&mut self, reader: &K, reads: &Reads) {
        for (path, _) in reads.entries() {
            self.entries.entry(path.clone()).or_default().insert(reader.clone());
        }
        for path in reads.listings() {
            self.listings.entry(path.clone()).or_default().insert(reader.clone());
        }
    }

    /// Removes what `reader` read, which must be what was added.
    pub fn remove(&mut self, reader: &K, reads: &Reads) {
        for (path, _) in reads.entries() {
            forget(&mut self.entries, path, reader);
        }
        for path in reads.listings() {
            forget(&mut self.listings, path, reader);
        }
    }

    /// The readers to whom `new` may give another answer than `old` gave. All others would read the same.
    pub fn concerned(&self, old: &dyn Tree, new: &dyn Tree) -> Result<HashSet<K>, TreeError> {
        let mut concerned = HashSet::new();
        for Differing { path, is_listed } in differing(old, new)? {
            concerned.extend(self.entries.get(&path).into_iter().flatten().cloned());
            if is_listed {
                concerned.extend(self.listings.get(&path.parent()).into_iter().flatten().cloned());
                concerned.extend(self.listings.get(&path).into_iter().flatten().cloned());
            }
        }
        Ok(concerned)
    }
}

fn forget<K: Eq + Hash>(map: &mut HashMap<TreePath, HashSet<K>>, path: &TreePath, reader: &K) {
    if let Some(readers) = map.get_mut(path) {
        readers.remove(reader);
        if readers.is_empty() {
            map.remove(path);
        }
    }
}
