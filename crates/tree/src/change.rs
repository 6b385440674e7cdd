//! How a tree differs from what was read of another one.

use std::fmt;

use crate::TreePath;
use crate::reads::{EntryKindTag, Listing};

/// A path where a tree differs from what was read, and how. What is displayed is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path that was read.
    pub path: TreePath,
    /// How it differs.
    pub what: Difference,
}

/// How a path differs from what was read there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The content that was read is another.
    Content,
    /// Nothing was there, and something is now.
    Appeared,
    /// What was there is gone.
    Vanished,
    /// Something else stands there now.
    Kind {
        /// What was there.
        was: EntryKindTag,
        /// What is there now.
        is: EntryKindTag,
    },
    /// The names in a directory that was listed changed. Names are in order.
    Names {
        /// The names that are new.
        added: Vec<String>,
        /// The names that are gone.
        removed: Vec<String>,
        /// The names that name something of another kind.
        retyped: Vec<String>,
    },
}

impl Difference {
    /// How the names in a directory changed; `None` where they did not.
    pub(crate) fn between(was: &Listing, is: &Listing) -> Option<Self> {
        if was == is {
            return None;
        }
        let missing_in = |names: &Listing, other: &Listing| {
            names.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
        };
        let retyped =
            |(name, kind): (&String, &EntryKindTag)| is.get(name).is_some_and(|now| now != kind).then(|| name.clone());
        Some(Self::Names {
            added: missing_in(is, was),
            removed: missing_in(was, is),
            retyped: was.iter().filter_map(retyped).collect(),
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => f.write_str("its content changed"),
            Self::Appeared => f.write_str("it was not there, and is now"),
            Self::Vanished => f.write_str("it is gone"),
            Self::Kind { was, is } => write!(f, "it was a {was}, and is a {is} now"),
            Self::Names { added, removed, retyped } => {
                let groups = [("added", added), ("removed", removed), ("of another kind", retyped)];
                let groups = groups.into_iter().filter(|(_, names)| !names.is_empty());
                let groups: Vec<String> = groups.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
                write!(f, "the names in it changed ({})", groups.join("; "))
            }
        }
    }
}
