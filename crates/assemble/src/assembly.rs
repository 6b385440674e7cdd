//! An artifact on its way.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::sync::Arc;

use cowherd_tree::{Entry, EntryKind, MemoryTree, Tree, TreePath};

use crate::assembled::Content;
use crate::node::{Directory, Node, Part};
use crate::{Assembled, Cause, Effort, Source};

/// How deep a rule may put something.
const MAX_DEPTH: usize = 64;

/// An artifact on its way.
pub(crate) struct Assembly<'a> {
    pub(crate) contents: Vec<Content>,
    pub(crate) effort: &'a Effort<'a>,
    root: Node,
}

impl<'a> Assembly<'a> {
    pub(crate) fn of(sources: &[Source], effort: &'a Effort<'a>) -> Self {
        let content =
            |source: &Source| Content { alias: source.alias.clone(), tree: source.tree.clone(), packed: None };
        Self { contents: sources.iter().map(content).collect(), effort, root: Node::directory(BTreeMap::new()) }
    }

    pub(crate) fn finish(self) -> Assembled {
        Assembled { contents: self.contents, root: self.root }
    }

    /// The content that rules call so.
    pub(crate) fn content(&self, alias: &str) -> Option<usize> {
        self.contents.iter().position(|content| content.packed.is_none() && content.alias == alias)
    }

    pub(crate) fn tree(&self, content: usize) -> Arc<dyn Tree> {
        self.contents[content].tree.clone()
    }

    /// Takes in what was unpacked of a file, as a content of its own.
    pub(crate) fn unpacked(&mut self, of: usize, path: &TreePath, tree: MemoryTree) -> Node {
        let entry = Entry { kind: EntryKind::Directory, id: tree.id() };
        let alias = self.contents[of].alias.clone();
        self.contents.push(Content { alias, tree: Arc::new(tree), packed: Some(path.clone()) });
        Node::Part(Part { content: self.contents.len() - 1, path: TreePath::root(), entry })
    }

    /// What stands at a path by now.
    pub(crate) fn entry(&self, path: &TreePath) -> Result<Option<Entry>, Cause> {
        Ok(find(&self.contents, &self.root, path)?)
    }

    /// The content of the file that stands at a path by now.
    pub(crate) fn read(&self, path: &TreePath) -> Result<bytes::Bytes, Cause> {
        Ok(crate::assembled::read_file(&self.contents, &self.root, path)?)
    }

    /// Puts something at a path, over what is there.
    pub(crate) fn put(&mut self, path: &TreePath, new: Node) -> Result<(), Cause> {
        if path.components().count() > MAX_DEPTH {
            let path = path.as_str().chars().take(64).collect();
            return Err(Cause::Depth { path, limit: MAX_DEPTH });
        }
        self.effort.hold(1)?;
        let Self { contents, effort, root } = self;
        let mut here = root;
        let mut at = TreePath::root();
        for name in path.components() {
            let directory = open(contents, effort, here, &at)?;
            here = directory.names.entry(name.to_owned()).or_insert_with(|| Node::directory(BTreeMap::new()));
            at = at.join(name)?;
        }
        // A directory that was made on the way for what comes now is none yet.
        if here.is_empty() {
            *here = new;
            return Ok(());
        }
        lay(contents, effort, here, new, &at)
    }
}

/// The names of a directory, one by one.
fn open<'n>(
    contents: &[Content],
    effort: &Effort<'_>,
    node: &'n mut Node,
    at: &TreePath,
) -> Result<&'n mut Directory, Cause> {
    if let Node::Part(part) = node {
        if part.entry.kind != EntryKind::Directory {
            return Err(Cause::IsFile(at.clone()));
        }
        *node = Node::directory(parts(contents, effort, part)?);
    }
    match node {
        Node::Directory(directory) => Ok(directory),
        _ => Err(Cause::IsFile(at.clone())),
    }
}

/// What is in a directory of a source.
fn parts(contents: &[Content], effort: &Effort<'_>, of: &Part) -> Result<BTreeMap<String, Node>, Cause> {
    let listed = contents[of.content].tree.list(&of.path)?;
    effort.hold(listed.len())?;
    let part = |(name, entry): (String, Entry)| {
        let path = of.path.join(&name)?;
        Ok((name, Node::Part(Part { content: of.content, path, entry })))
    };
    listed.into_iter().map(part).collect()
}

/// Lays something over what is there: directories are merged, files replaced.
fn lay(contents: &[Content], effort: &Effort<'_>, old: &mut Node, new: Node, at: &TreePath) -> Result<(), Cause> {
    match (old.is_directory(), new.is_directory()) {
        (false, false) => *old = new,
        (true, false) => return Err(Cause::IsDirectory(at.clone())),
        (false, true) => return Err(Cause::IsFile(at.clone())),
        (true, true) if old.is_empty() => *old = new,
        (true, true) => {
            let mut new = new;
            let names = std::mem::take(&mut open(contents, effort, &mut new, at)?.names);
            if names.is_empty() {
                return Ok(());
            }
            let directory = open(contents, effort, old, at)?;
            for (name, node) in names {
                effort.step(1)?;
                let below = at.join(&name)?;
                match directory.names.entry(name) {
                    btree_map::Entry::Vacant(slot) => drop(slot.insert(node)),
                    btree_map::Entry::Occupied(mut slot) => lay(contents, effort, slot.get_mut(), node, &below)?,
                }
            }
        }
    }
    Ok(())
}

/// What stands at a path.
pub(crate) fn find(
    contents: &[Content],
    root: &Node,
    path: &TreePath,
) -> Result<Option<Entry>, cowherd_tree::TreeError> {
    match crate::assembled::look(root, path) {
        Some((Node::Part(part), rest)) if !rest.is_root() => {
            let at = crate::assembled::below(part, &rest)?;
            contents[part.content].tree.entry(&at)
        }
        Some((node, _)) => Ok(Some(node.entry())),
        None => Ok(None),
    }
}
