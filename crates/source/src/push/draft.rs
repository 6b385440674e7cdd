//! A commit that is not pushed yet.

use std::collections::BTreeMap;

use cowherd_tree::TreePath;
use gix::ObjectId;
use gix::objs::{Kind, compute_hash};

use super::pack::pack;
use super::signing::{CommitSigner, SigningError};
use crate::objects::Objects;
use crate::{CommitId, Snapshot};

/// The largest directory in which something is changed, in bytes as Git stores it.
const MAX_DIRECTORY: u64 = 16 << 20;

/// The most bytes that all changed files together may have, and the directories that they are in.
const MAX_CHANGED: usize = 64 << 20;

/// The most bytes of a message.
const MAX_MESSAGE: usize = 1 << 20;

/// Who writes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What a commit says.
#[derive(Clone, Copy, Debug)]
pub struct Words<'w> {
    /// Who writes it.
    pub author: &'w Identity,
    /// Why.
    pub message: &'w str,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// Who signs it, if anybody does.
    pub signer: Option<&'w CommitSigner>,
}

/// Why there is no commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A file is not there any more.
    #[error("there is no file {0} in the commit")]
    NoFile(TreePath),
    /// Something else stands where a file, or a directory for one, is to be.
    #[error(
        "what stands at {0} in the commit is something else than is to be there, such as a link; take it away first"
    )]
    Occupied(TreePath),
    /// More is changed than may be.
    #[error("more than {MAX_CHANGED} bytes would change; spread them over several automations, each with its path")]
    TooLarge,
    /// The key does not sign it.
    #[error("the commit cannot be signed: {0}")]
    Unsigned(#[from] SigningError),
    /// The commit that it is made of cannot be read.
    #[error("the commit that is changed cannot be read: {0}")]
    Unreadable(String),
}

/// A commit on top of another one, with all that is new in it.
#[derive(Clone)]
pub struct Draft {
    pub(crate) id: ObjectId,
    pub(crate) parent: Option<ObjectId>,
    pub(crate) pack: Vec<u8>,
}

/// What stands in a directory that is changed.
enum Node {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

impl Draft {
    /// A commit on top of `parent` in which these files have this content: they are there already, and stay as executable as they are.
    ///
    /// # Errors
    /// When a file is not there, the commit cannot be read, or the new one cannot be signed.
    pub fn new(
        parent: &Snapshot,
        files: impl IntoIterator<Item = (TreePath, Vec<u8>)>,
        words: &Words<'_>,
    ) -> Result<Self, DraftError> {
        Self::made(Some(parent), files, words, false)
    }

    /// The same, but a file that is not there is a new one. Without a parent it is the first commit of all.
    ///
    /// # Errors
    /// When something else stands where a file is to be, the commit cannot be read, or the new one cannot be signed.
    pub fn adding(
        parent: Option<&Snapshot>,
        files: impl IntoIterator<Item = (TreePath, Vec<u8>)>,
        words: &Words<'_>,
    ) -> Result<Self, DraftError> {
        Self::made(parent, files, words, true)
    }

    fn made(
        parent: Option<&Snapshot>,
        files: impl IntoIterator<Item = (TreePath, Vec<u8>)>,
        words: &Words<'_>,
        adds: bool,
    ) -> Result<Self, DraftError> {
        let mut root = BTreeMap::new();
        let mut size = 0;
        for (path, content) in files {
            size += content.len();
            if size > MAX_CHANGED {
                return Err(DraftError::TooLarge);
            }
            put(&mut root, &path, content)?;
        }
        let objects = parent.map(|parent| parent.tree.objects());
        let mut drafting = Drafting { objects, adds, made: Made::default() };
        let tree = drafting.directory(parent.map(|parent| parent.tree.root()), root, &TreePath::root())?;
        let parent = parent.map(|parent| parent.commit.id.0);
        let commit = match words.signer {
            None => commit(tree, parent, words, ""),
            Some(signer) => {
                // What is signed is the commit without its signature.
                let signature = signer.sign(commit(tree, parent, words, "").as_bytes())?;
                let lines = signature.trim_end().replace('\n', "\n ");
                commit(tree, parent, words, &format!("gpgsig {lines}\n"))
            }
        };
        let id = drafting.made.add(Kind::Commit, commit.into_bytes())?;
        let pack = pack(&drafting.made.objects).map_err(|error| DraftError::Unreadable(error.to_string()))?;
        Ok(Self { id, parent, pack })
    }

    /// The id of the commit.
    pub fn id(&self) -> CommitId {
        CommitId(self.id)
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("id", &self.id).field("parent", &self.parent).finish_non_exhaustive()
    }
}

/// Puts a file into a tree of what is changed.
fn put(root: &mut BTreeMap<String, Node>, path: &TreePath, content: Vec<u8>) -> Result<(), DraftError> {
    let no_file = || DraftError::NoFile(path.clone());
    let mut parts: Vec<&str> = path.components().collect();
    let name = parts.pop().ok_or_else(no_file)?;
    let mut directory = root;
    for part in parts {
        let entry = directory.entry(part.to_owned()).or_insert_with(|| Node::Directory(BTreeMap::new()));
        directory = match entry {
            Node::Directory(inner) => inner,
            Node::File(_) => return Err(no_file()),
        };
    }
    directory.insert(name.to_owned(), Node::File(content));
    Ok(())
}

/// The objects that are made.
struct Drafting<'o> {
    /// Those of the commit that is changed, if there is one.
    objects: Option<&'o Objects>,
    /// Whether what is not there is new.
    adds: bool,
    made: Made,
}

/// Objects that are new, which are held until they are sent.
#[derive(Default)]
struct Made {
    objects: Vec<(Kind, Vec<u8>)>,
    size: usize,
}

impl Drafting<'_> {
    /// The directory with what is changed in it: the same bytes, but for the ids of what changed and the entries of what is new.
    fn directory(
        &mut self,
        id: Option<ObjectId>,
        changed: BTreeMap<String, Node>,
        path: &TreePath,
    ) -> Result<ObjectId, DraftError> {
        let unreadable = |error: crate::objects::ObjectError| DraftError::Unreadable(error.to_string());
        let mut content = match (self.objects, id) {
            (Some(objects), Some(id)) => objects.whole(id, Kind::Tree, MAX_DIRECTORY).map_err(unreadable)?,
            _ => Vec::new(),
        };
        for (name, node) in changed {
            let path = path.join(&name).map_err(|error| DraftError::Unreadable(error.to_string()))?;
            let is_directory = matches!(node, Node::Directory(_));
            let found = find(&content, &name, is_directory);
            if found.is_none() && !self.adds {
                return Err(DraftError::NoFile(path));
            }
            if found.is_none() && entries(&content).any(|entry| entry.name == name.as_bytes()) {
                return Err(DraftError::Occupied(path));
            }
            let new = match node {
                Node::File(content) => self.made.add(Kind::Blob, content)?,
                Node::Directory(inner) => self.directory(found.map(|(_, old)| old), inner, &path)?,
            };
            match found {
                None => insert(&mut content, &name, is_directory, new),
                Some((place, _)) => {
                    let bytes = content.get_mut(place..place + new.as_slice().len());
                    bytes.ok_or_else(|| DraftError::NoFile(path.clone()))?.copy_from_slice(new.as_slice());
                }
            }
        }
        self.made.add(Kind::Tree, content)
    }
}

impl Made {
    fn add(&mut self, kind: Kind, content: Vec<u8>) -> Result<ObjectId, DraftError> {
        let id = compute_hash(gix::hash::Kind::Sha1, kind, &content);
        let id = id.map_err(|error| DraftError::Unreadable(error.to_string()))?;
        self.size += content.len();
        if self.size > MAX_CHANGED {
            return Err(DraftError::TooLarge);
        }
        self.objects.push((kind, content));
        Ok(id)
    }
}

/// An entry of a directory as Git stores it: `MODE NAME`, a zero and the id.
struct Entry<'d> {
    /// Where it begins.
    at: usize,
    mode: &'d [u8],
    name: &'d [u8],
    /// Where its id stands.
    place: usize,
    id: ObjectId,
}

impl Entry<'_> {
    fn is_directory(&self) -> bool {
        self.mode == b"40000"
    }

    fn is_file(&self) -> bool {
        self.mode.starts_with(b"100")
    }
}

/// The entries of a directory, as far as they can be read.
fn entries(directory: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    const ID: usize = 20;
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = directory.get(at..).filter(|rest| !rest.is_empty())?;
        let zero = rest.iter().position(|byte| *byte == 0)?;
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let (mode, name) = (rest.get(..space)?, rest.get(space + 1..zero)?);
        let place = at + zero + 1;
        let id = ObjectId::from_bytes_or_panic(directory.get(place..place + ID)?);
        let entry = Entry { at, mode, name, place, id };
        at = place + ID;
        Some(entry)
    })
}

/// Where in a directory the id of a file or directory stands, and which one that is.
fn find(directory: &[u8], name: &str, is_directory: bool) -> Option<(usize, ObjectId)> {
    let is_kind = |entry: &Entry<'_>| if is_directory { entry.is_directory() } else { entry.is_file() };
    let found = entries(directory).find(|entry| is_kind(entry) && entry.name == name.as_bytes());
    found.map(|entry| (entry.place, entry.id))
}

/// Puts a new entry where Git has it: sorted by name, those of directories as if they ended with a slash.
fn insert(directory: &mut Vec<u8>, name: &str, is_directory: bool, id: ObjectId) {
    let key = |name: &[u8], is_directory: bool| [name, if is_directory { b"/".as_slice() } else { b"" }].concat();
    let new = key(name.as_bytes(), is_directory);
    let behind = entries(directory).find(|entry| key(entry.name, entry.is_directory()) > new).map(|entry| entry.at);
    let at = behind.unwrap_or(directory.len());
    let mode = if is_directory { "40000" } else { "100644" };
    let entry = [format!("{mode} {name}\0").as_bytes(), id.as_slice()].concat();
    directory.splice(at..at, entry);
}

/// The content of a commit, with further headers.
fn commit(tree: ObjectId, parent: Option<ObjectId>, words: &Words<'_>, headers: &str) -> String {
    // What Git takes out of names and addresses, too.
    let plain = |text: &str| text.replace(['<', '>', '\n', '\r', '\0'], "").trim().to_owned();
    let Words { author, message, time, .. } = words;
    let by = format!("{} <{}> {time} +0000", plain(&author.name), plain(&author.email));
    let message: String = message.chars().filter(|letter| *letter != '\0').take(MAX_MESSAGE).collect();
    let end = if message.ends_with('\n') { "" } else { "\n" };
    let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    format!("tree {tree}\n{parent}author {by}\ncommitter {by}\n{headers}\n{message}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_made_than_is_held() {
        let mut made = Made::default();
        assert!(made.add(Kind::Tree, vec![0; MAX_CHANGED]).is_ok());
        assert_eq!(made.add(Kind::Tree, vec![0]), Err(DraftError::TooLarge));
    }

    #[test]
    fn an_entry_is_found_by_its_name_and_kind() {
        let mut directory = Vec::new();
        for (mode, name, byte) in [("100644", "a", 1_u8), ("40000", "b", 2), ("120000", "c", 3), ("100755", "d e", 4)] {
            directory.extend(format!("{mode} {name}\0").as_bytes());
            directory.extend([byte; 20]);
        }
        let found = |name: &str, is_directory| find(&directory, name, is_directory).map(|(at, _)| directory[at]);
        assert_eq!(found("a", false), Some(1));
        assert_eq!(found("b", true), Some(2));
        assert_eq!(found("d e", false), Some(4));
        assert_eq!(found("b", false), None);
        assert_eq!(found("c", false), None, "a link is no file");
        assert_eq!(found("e", false), None);
    }

    #[test]
    fn a_new_entry_stands_where_git_has_it() {
        let mut directory = Vec::new();
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        // Git compares `a.yaml` with `a/`, and a slash is greater than a dot.
        for (name, is_directory) in [("b", false), ("a", true), ("a.yaml", false), ("c", true), ("a0", false)] {
            insert(&mut directory, name, is_directory, id);
        }
        let names: Vec<_> = entries(&directory).map(|entry| String::from_utf8_lossy(entry.name).into_owned()).collect();
        assert_eq!(names, ["a.yaml", "a", "a0", "b", "c"]);
    }

    #[test]
    fn nobody_writes_headers_by_their_name() {
        let author = Identity { name: "a\nparent x <b>".to_owned(), email: "c@d>\n".to_owned() };
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let words = Words { author: &author, message: "subject", time: 7, signer: None };
        let text = commit(id, Some(id), &words, "");
        assert!(text.contains("\nauthor aparent x b <c@d> 7 +0000\ncommitter "), "{text}");
        assert!(text.ends_with("\n\nsubject\n"));
    }
}
