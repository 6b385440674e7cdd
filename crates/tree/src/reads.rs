//! What was read from a tree, to tell later whether it changed, also after a restart.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::change::{Change, Difference};
use crate::sorted::Sorted;
use crate::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};

/// What one read of a tree learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing stood at the path.
    Absent,
    /// What stood at the path was neither read nor listed, only looked at: its kind matters, its content not.
    Looked(EntryKindTag),
    /// The content with this id was read or listed.
    Content(ContentId),
}

/// The kind of an entry without what changes with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKindTag {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Neither.
    Other,
}

impl From<EntryKind> for EntryKindTag {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File { .. } => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Symlink => Self::Symlink,
            EntryKind::Other => Self::Other,
        }
    }
}

impl fmt::Display for EntryKindTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::Other => "neither file nor directory",
        })
    }
}

/// The names in a directory, with what they name.
pub(crate) type Listing = Sorted<String, EntryKindTag>;

/// Everything that was read from a tree: content ids, names in directories, absences.
///
/// It is serialized as `{"version": 1, "entries": {"a.yaml": "#<id>", "b": "d", "c": ""}, "listings": {"b": {"x":
/// "f"}}}`: an id was read, a letter (file, directory, link, other) was looked at, nothing was absent. Another
/// version is refused: whoever keeps reads keeps nothing that cannot be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    pub(crate) entries: Sorted<TreePath, Read>,
    pub(crate) listings: Sorted<TreePath, Listing>,
}

impl Reads {
    /// Whether `tree` would answer every recorded read as it was answered then.
    ///
    /// The cost follows what was read, not the size of the tree: a look at each path, and none at content.
    pub fn unchanged_in(&self, tree: &dyn Tree) -> Result<bool, TreeError> {
        for (path, read) in self.entries.iter() {
            if difference(read, tree.entry(path)?.as_ref()).is_some() {
                return Ok(false);
            }
        }
        for (path, names) in self.listings.iter() {
            if listed(tree, path)?.is_none_or(|now| now != *names) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What `tree` would answer otherwise than it was answered then, a change per path, in the order of the paths.
    pub fn changes_in(&self, tree: &dyn Tree) -> Result<Vec<Change>, TreeError> {
        let mut changes = BTreeMap::new();
        for (path, names) in self.listings.iter() {
            let found = match listed(tree, path)? {
                Some(now) => Difference::between(names, &now),
                None => Some(difference_in_kind(EntryKindTag::Directory, tree.entry(path)?.as_ref())),
            };
            changes.extend(found.map(|found| (path, found)));
        }
        for (path, read) in self.entries.iter() {
            if let Some(found) = difference(read, tree.entry(path)?.as_ref()) {
                changes.entry(path).or_insert(found);
            }
        }
        Ok(changes.into_iter().map(|(path, what)| Change { path: path.clone(), what }).collect())
    }

    /// How many paths were looked at or listed.
    pub fn len(&self) -> usize {
        self.entries.len() + self.listings.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the path was looked at or read.
    pub(crate) fn has_entry(&self, path: &TreePath) -> bool {
        self.entries.contains_key(path)
    }

    /// Whether the directory was listed.
    pub(crate) fn has_listing(&self, path: &TreePath) -> bool {
        self.listings.contains_key(path)
    }

    /// The paths that were looked at, with what was learned, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&TreePath, &Read)> {
        self.entries.iter()
    }

    /// The directories whose names were listed, in order.
    pub fn listings(&self) -> impl Iterator<Item = &TreePath> {
        self.listings.keys()
    }
}

/// How what stands at a path now differs from what was read there.
fn difference(read: &Read, now: Option<&Entry>) -> Option<Difference> {
    match (read, now) {
        (Read::Absent, None) => None,
        (Read::Absent, Some(_)) => Some(Difference::Appeared),
        (Read::Looked(kind), Some(entry)) if *kind == entry.kind.into() => None,
        (Read::Looked(kind), now) => Some(difference_in_kind(*kind, now)),
        (Read::Content(id), Some(entry)) if *id == entry.id => None,
        (Read::Content(_), Some(_)) => Some(Difference::Content),
        (Read::Content(_), None) => Some(Difference::Vanished),
    }
}

fn difference_in_kind(was: EntryKindTag, now: Option<&Entry>) -> Difference {
    now.map_or(Difference::Vanished, |entry| Difference::Kind { was, is: entry.kind.into() })
}

/// The names in the directory at `path`; `None` where there is no directory.
fn listed(tree: &dyn Tree, path: &TreePath) -> Result<Option<Listing>, TreeError> {
    match tree.entry(path)? {
        Some(Entry { kind: EntryKind::Directory, .. }) => Ok(Some(listing(&tree.list(path)?))),
        _ => Ok(None),
    }
}

pub(crate) fn listing(entries: &[(String, Entry)]) -> Listing {
    entries.iter().map(|(name, entry)| (name.clone(), entry.kind.into())).collect()
}

/// The version of the serialized form.
const VERSION: u32 = 1;

impl Serialize for Reads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Kept<'a> {
            version: u32,
            entries: &'a Sorted<TreePath, Read>,
            listings: &'a Sorted<TreePath, Listing>,
        }
        Kept { version: VERSION, entries: &self.entries, listings: &self.listings }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kept {
            version: u32,
            entries: Sorted<TreePath, Read>,
            listings: Sorted<TreePath, Listing>,
        }
        let kept = Kept::deserialize(deserializer)?;
        if kept.version != VERSION {
            return Err(D::Error::custom(format!("reads of version {} are not known", kept.version)));
        }
        Ok(Self { entries: kept.entries, listings: kept.listings })
    }
}

impl Serialize for Read {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_str(""),
            Self::Looked(kind) => kind.serialize(serializer),
            Self::Content(id) => serializer.collect_str(&format_args!("#{id}")),
        }
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix('#') {
            Some(id) => id.parse().map(Self::Content).map_err(D::Error::custom),
            None if text.is_empty() => Ok(Self::Absent),
            None => EntryKindTag::from_letter(&text).map(Self::Looked).ok_or_else(|| D::Error::custom("no such kind")),
        }
    }
}

impl EntryKindTag {
    fn letter(self) -> &'static str {
        match self {
            Self::File => "f",
            Self::Directory => "d",
            Self::Symlink => "l",
            Self::Other => "o",
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        [Self::File, Self::Directory, Self::Symlink, Self::Other].into_iter().find(|kind| kind.letter() == letter)
    }
}

impl Serialize for EntryKindTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.letter())
    }
}

impl<'de> Deserialize<'de> for EntryKindTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_letter(&text).ok_or_else(|| D::Error::custom("no such kind"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryTree, Recorder};

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn tree() -> MemoryTree {
        MemoryTree::new([("a/x", "1"), ("a/y", "1"), ("b/z", "1"), ("b/w/v", "")]).unwrap()
    }

    /// What is read: the content of `a/x`, the names in `b`, and that `c` is not there.
    fn reads() -> Reads {
        let tree = tree();
        let recorder = Recorder::new(&tree);
        recorder.read(&path("a/x")).unwrap();
        recorder.read_dir(&path("b")).unwrap();
        assert!(recorder.stat(&path("c")).unwrap().is_none());
        recorder.into_reads()
    }

    fn changes(edit: impl Fn(&mut MemoryTree)) -> Vec<String> {
        let mut tree = tree();
        edit(&mut tree);
        let changes = reads().changes_in(&tree).unwrap();
        assert_eq!(changes.is_empty(), reads().unchanged_in(&tree).unwrap());
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn changes_say_what_is_different_and_how() {
        assert!(changes(|_| {}).is_empty());
        assert!(changes(|tree| tree.insert("a/y", "2").unwrap()).is_empty());
        assert_eq!(changes(|tree| tree.insert("a/x", "2").unwrap()), ["a/x: its content changed"]);
        assert_eq!(changes(|tree| tree.insert("c", "").unwrap()), ["c: it was not there, and is now"]);
        assert_eq!(changes(|tree| assert!(tree.remove(&path("a/x")))), ["a/x: it is gone"]);
        assert_eq!(
            changes(|tree| {
                tree.remove(&path("b/z"));
                tree.insert("b/n", "").unwrap();
            }),
            ["b: the names in it changed (added: n; removed: z)"]
        );
        assert_eq!(
            changes(|tree| {
                tree.remove(&path("b/w/v"));
                tree.insert("b/w", "").unwrap();
            }),
            ["b: the names in it changed (of another kind: w)"]
        );
        assert_eq!(
            changes(|tree| {
                tree.remove(&path("b/w/v"));
                tree.remove(&path("b/z"));
            }),
            ["b: it is gone"]
        );
        assert_eq!(
            changes(|tree| {
                tree.remove(&path("b/w/v"));
                tree.remove(&path("b/z"));
                tree.link("b", "a").unwrap();
            }),
            ["b: it was a directory, and is a symbolic link now"]
        );
    }

    #[test]
    fn reads_are_the_same_after_a_restart() {
        let reads = reads();
        let kept = serde_json::to_string(&reads).unwrap();
        assert_eq!(
            kept,
            "{\"version\":1,\"entries\":{\"a\":\"d\",\
             \"a/x\":\"#6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\",\
             \"b\":\"d\",\"c\":\"\"},\"listings\":{\"b\":{\"w\":\"d\",\"z\":\"f\"}}}"
        );
        assert_eq!(serde_json::from_str::<Reads>(&kept).unwrap(), reads);
        assert!(serde_json::from_str::<Reads>(&kept).unwrap().unchanged_in(&tree()).unwrap());
    }

    #[test]
    fn kept_reads_that_make_no_sense_are_refused() {
        for kept in [
            r#"{"version":2,"entries":{},"listings":{}}"#,
            r#"{"version":1,"entries":{"a":"x"},"listings":{}}"#,
            r##"{"version":1,"entries":{"a":"#0"},"listings":{}}"##,
            r##"{"version":1,"entries":{"a":"#é"},"listings":{}}"##,
            r#"{"version":1,"entries":{"../a":"f"},"listings":{}}"#,
            r#"{"version":1,"entries":{"a/./b":"f"},"listings":{}}"#,
            r#"{"version":1,"entries":{}}"#,
        ] {
            assert!(serde_json::from_str::<Reads>(kept).is_err(), "{kept}");
        }
    }
}
