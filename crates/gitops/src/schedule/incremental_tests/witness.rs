//! Notes what was asked of a tree and what it answered, to ask another tree the same.
//!
//! What the agents remember of a render is judged by it, so it shares nothing with that: it keeps the answers
//! themselves.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cowherd_tree::{Entry, EntryKind, Tree, TreeError, TreePath};

/// What was asked, with the answer.
type Asked = Vec<(Question, TreePath, String)>;

/// A way to ask a tree about a path.
#[derive(Clone, Copy, Debug)]
enum Question {
    Entry,
    Content,
    Names,
    Target,
}

impl Question {
    /// What the tree answers, in words. Of an entry its kind counts, of names their kinds as well.
    fn ask(self, tree: &dyn Tree, path: &TreePath) -> String {
        let kind = |entry: &Entry| match entry.kind {
            EntryKind::File { .. } => "file",
            EntryKind::Directory => "directory",
            EntryKind::Symlink => "link",
            EntryKind::Other => "other",
        };
        match self {
            Self::Entry => format!("{:?}", tree.entry(path).map(|entry| entry.as_ref().map(kind))),
            Self::Content => format!("{:?}", tree.read_file(path)),
            Self::Names => {
                let names = tree.list(path);
                format!(
                    "{:?}",
                    names.map(|names| names.iter().map(|(name, e)| (name.clone(), kind(e))).collect::<Vec<_>>())
                )
            }
            Self::Target => format!("{:?}", tree.read_link(path)),
        }
    }
}

/// A tree that notes what is asked of it.
pub(super) struct Witness {
    tree: Arc<dyn Tree>,
    asked: Mutex<Asked>,
}

impl Witness {
    pub(super) fn new(tree: Arc<dyn Tree>) -> Self {
        Self { tree, asked: Mutex::default() }
    }

    /// Whether another tree gives the same answers.
    pub(super) fn is_answered_alike_by(&self, other: &dyn Tree) -> bool {
        self.asked.lock().unwrap().iter().all(|(question, path, answer)| question.ask(other, path) == *answer)
    }

    fn note(&self, question: Question, path: &TreePath) {
        let answer = question.ask(self.tree.as_ref(), path);
        self.asked.lock().unwrap().push((question, path.clone(), answer));
    }
}

impl Tree for Witness {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.note(Question::Entry, path);
        self.tree.entry(path)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.note(Question::Content, path);
        self.tree.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.note(Question::Names, path);
        self.tree.list(path)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.note(Question::Target, path);
        self.tree.read_link(path)
    }
}
