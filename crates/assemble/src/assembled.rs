//! An artifact, as a tree.

use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

use crate::assembly::find;
use crate::node::{Node, Part};

/// What parts are taken of.
pub(crate) struct Content {
    pub(crate) alias: String,
    pub(crate) tree: Arc<dyn Tree>,
    /// The file of the source that it was unpacked of, where it was.
    pub(crate) packed: Option<TreePath>,
}

/// An artifact made of parts of sources. It holds these.
pub struct Assembled {
    pub(crate) contents: Vec<Content>,
    pub(crate) root: Node,
}

/// Where something of an artifact comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The source, as rules call it.
    pub alias: &'a str,
    /// The path there; of what was unpacked, that of the archive.
    pub path: TreePath,
}

impl Assembled {
    /// The identity of all that is in it.
    pub fn id(&self) -> ContentId {
        self.root.entry().id
    }

    /// Where what stands at `path` comes from; of a directory that was put together, where the first of what is in it does.
    pub fn origin(&self, path: &TreePath) -> Option<Origin<'_>> {
        let (mut node, rest) = look(&self.root, path)?;
        let mut inside = Vec::new();
        let (content, path) = loop {
            match node {
                Node::Part(part) => break (part.content, below(part, &rest).ok()?),
                Node::Made(made) => break (made.content, made.path.clone()),
                Node::Directory(directory) => {
                    inside.push(());
                    node = directory.names.values().next()?;
                }
            }
        };
        let content = &self.contents[content];
        let path = match &content.packed {
            Some(packed) => packed.clone(),
            None => inside.iter().fold(path, |path, ()| path.parent()),
        };
        Some(Origin { alias: &content.alias, path })
    }
}

impl Tree for Assembled {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        find(&self.contents, &self.root, path)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        read_file(&self.contents, &self.root, path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        match look(&self.root, path) {
            Some((Node::Directory(directory), _)) => {
                Ok(directory.names.iter().map(|(name, node)| (name.clone(), node.entry())).collect())
            }
            Some((Node::Part(part), rest)) => self.contents[part.content].tree.list(&below(part, &rest)?),
            Some((Node::Made(_), _)) => Err(TreeError::NotADirectory(path.clone())),
            None => Err(TreeError::NotFound(path.clone())),
        }
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        match look(&self.root, path) {
            Some((Node::Part(part), rest)) => self.contents[part.content].tree.read_link(&below(part, &rest)?),
            _ => Err(TreeError::NotFound(path.clone())),
        }
    }
}

/// What is known of a path: what stands there, or what of a source it is in, with the rest of the path.
pub(crate) fn look<'n>(root: &'n Node, path: &TreePath) -> Option<(&'n Node, TreePath)> {
    let mut node = root;
    let mut rest = path.as_str();
    while !rest.is_empty() {
        let Node::Directory(directory) = node else { break };
        let (name, behind) = rest.split_once('/').unwrap_or((rest, ""));
        (node, rest) = (directory.names.get(name)?, behind);
    }
    match node {
        // Nothing is below a file.
        Node::Made(_) if !rest.is_empty() => None,
        Node::Part(part) if !rest.is_empty() && part.entry.kind != EntryKind::Directory => None,
        _ => TreePath::root().join(rest).ok().map(|rest| (node, rest)),
    }
}

/// A path below a part, in its source.
pub(crate) fn below(part: &Part, rest: &TreePath) -> Result<TreePath, TreeError> {
    part.path.join(rest.as_str()).map_err(|source| TreeError::Outside { path: rest.clone(), source })
}

pub(crate) fn read_file(contents: &[Content], root: &Node, path: &TreePath) -> Result<Bytes, TreeError> {
    match look(root, path) {
        Some((Node::Made(made), _)) => Ok(made.bytes.clone()),
        Some((Node::Part(part), rest)) => contents[part.content].tree.read_file(&below(part, &rest)?),
        Some((Node::Directory(_), _)) => Err(TreeError::NotAFile(path.clone())),
        None => Err(TreeError::NotFound(path.clone())),
    }
}
