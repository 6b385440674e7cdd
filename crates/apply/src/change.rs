//! What an apply or a prune did to each object.

use std::fmt;

use cowherd_text::listed;

use crate::object::{ObjectId, Versioned};

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It did not exist and does now.
    Created,
    /// It was changed.
    Configured,
    /// It was as it should be.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// It was to be deleted, and was not there any more.
    Gone,
    /// It is left alone, because it, or who owns it, says so.
    Skipped,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Gone => "gone already",
            Self::Skipped => "skipped",
        })
    }
}

/// What was done to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: Versioned,
    /// What was done.
    pub action: Action,
}

/// What was done to a set of objects, in the order in which it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet(Vec<Change>);

impl ChangeSet {
    /// Adds what was done to an object.
    pub fn push(&mut self, object: Versioned, action: Action) {
        self.0.push(Change { object, action });
    }

    /// Adds what another set has.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// What was done to each object.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// The objects to which something was done that changed them.
    pub fn changed(&self) -> impl Iterator<Item = &Change> {
        self.0.iter().filter(|change| matches!(change.action, Action::Created | Action::Configured | Action::Deleted))
    }

    /// How many objects met this action.
    pub fn count(&self, action: Action) -> usize {
        self.0.iter().filter(|change| change.action == action).count()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something was done to the object.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.0.iter().any(|change| change.object.id == *id)
    }

    /// Puts the changes into the order of the objects.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| crate::order::compare(&a.object.id, &b.object.id));
    }
}

/// How many changed objects are named.
const NAMED: usize = 10;

impl fmt::Display for ChangeSet {
    /// The objects that changed, in one line: `Deployment/apps/web configured, Service/apps/web created, and 12 more`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = self.changed().map(|change| format!("{} {}", change.object.id, change.action));
        f.write_str(&listed(changed, NAMED))
    }
}
