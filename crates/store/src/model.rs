//! What is stored and what is told about it.

use std::fmt;

use bytes::Bytes;

/// The number of a write. An empty store is at [`Revision::FIRST`], and every write gets the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// Where an empty store starts: a watch from here gives everything that was ever written.
    pub const FIRST: Self = Self(1);
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// What was written.
    pub value: Bytes,
    /// The revision that created the key. A key that was deleted and written again counts as created anew.
    pub created: Revision,
    /// The revision that wrote this value.
    pub modified: Revision,
}

/// Leaves the value out: it may be a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("value", &format_args!("{} bytes", self.value.len()))
            .field("created", &self.created)
            .field("modified", &self.modified)
            .finish()
    }
}

/// What must hold of a key for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The key doesn't exist.
    Absent,
    /// The key exists, and this revision was the last to write it.
    At(Revision),
    /// Nothing.
    Any,
}

impl Expected {
    /// Whether the expectation holds of a key that was last written at `modified`, or that doesn't exist.
    pub(crate) fn holds(self, modified: Option<Revision>) -> bool {
        match self {
            Self::Absent => modified.is_none(),
            Self::At(revision) => modified == Some(revision),
            Self::Any => true,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no such key"),
            Self::At(revision) => write!(f, "revision {revision}"),
            Self::Any => f.write_str("anything"),
        }
    }
}

/// What shall become of one key, if it is as expected.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What must hold of it.
    pub expected: Expected,
    /// What becomes of it.
    pub action: Action,
}

/// What becomes of a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// It gets this value.
    Put(Bytes),
    /// It is deleted; where it doesn't exist and need not, nothing happens.
    Delete,
    /// Nothing: other changes depend on what is expected of it.
    Keep,
}

impl Change {
    /// Writes a value.
    pub fn put(key: impl Into<String>, value: Bytes, expected: Expected) -> Self {
        Self { key: key.into(), expected, action: Action::Put(value) }
    }

    /// Deletes a key.
    pub fn delete(key: impl Into<String>, expected: Expected) -> Self {
        Self { key: key.into(), expected, action: Action::Delete }
    }

    /// Leaves a key as it is, which others depend on.
    pub fn keep(key: impl Into<String>, expected: Expected) -> Self {
        Self { key: key.into(), expected, action: Action::Keep }
    }

    /// The value that is written.
    pub(crate) fn value(&self) -> Option<&Bytes> {
        match &self.action {
            Action::Put(value) => Some(value),
            Action::Delete | Action::Keep => None,
        }
    }
}

/// Leaves the value out: it may be a secret.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match &self.action {
            Action::Put(value) => format!("put {} bytes", value.len()),
            Action::Delete => "delete".into(),
            Action::Keep => "keep".into(),
        };
        f.debug_struct("Change")
            .field("key", &self.key)
            .field("expected", &self.expected)
            .field("action", &action)
            .finish()
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The revision of the write; nothing if the key stays as it was.
    pub revision: Option<Revision>,
    /// What the key was before.
    pub before: Option<Entry>,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was written.
    Put {
        /// Whether it didn't exist before.
        created: bool,
    },
    /// It was deleted.
    Delete,
}

/// One change of one key.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The key.
    pub key: String,
    /// The value that was written; of a deletion: the last value.
    pub value: Bytes,
    /// The value before the change, unless the key was created by it.
    pub previous: Option<Bytes>,
    /// The revision of the change.
    pub revision: Revision,
}

impl Event {
    /// What the event takes in memory, roughly, in bytes.
    pub(crate) fn size(&self) -> usize {
        let previous = match self.kind {
            EventKind::Put { .. } => self.previous.as_ref().map_or(0, Bytes::len),
            EventKind::Delete => 0, // shares the value's memory
        };
        size_of::<Self>() + self.key.len() + self.value.len() + previous
    }
}

/// Leaves the values out: they may be secrets.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .field("value", &format_args!("{} bytes", self.value.len()))
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Which entries of a prefix to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Only keys after this one: the last key of the page before.
    pub start_after: Option<String>,
    /// At most so many entries.
    pub limit: Option<usize>,
    /// No further entry once the values come to so many bytes; so there is one at least, however large it is.
    pub size: Option<usize>,
    /// The state at this revision instead of the latest one. The pages of one listing all name the first page's
    /// revision, so that together they are one consistent state.
    pub at: Option<Revision>,
    /// Whether [`Page::remaining`] need say no more than whether there are any.
    pub uncounted: bool,
}

/// Some entries, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The revision whose state they are.
    pub revision: Revision,
    /// How many entries follow after the last one of this page: all of them, or at least one where there are any if
    /// they need not be counted.
    pub remaining: u64,
}
