//! What would change, as it is told.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_apply::{Action, Diff, FieldChange, ObjectId, Versioned};
use cowherd_gitops::{Deed, Subject};

use super::untold::Untold;

/// All that is told.
pub struct Found {
    pub changes: Vec<Change>,
    /// What is to be said of owners as a whole.
    pub remarks: Vec<(ObjectId, String)>,
    /// The owners that were looked at, and whether the cluster has each.
    pub met: BTreeMap<ObjectId, (Subject, bool)>,
    pub untold: Untold,
}

/// What becomes of an object, with what is to be said of it.
#[derive(Clone)]
pub struct Change {
    /// The owner for which it is so.
    pub owner: ObjectId,
    pub object: Versioned,
    /// In one word.
    pub action: String,
    pub fields: Vec<FieldChange>,
    pub notes: Vec<String>,
}

impl Change {
    /// What becomes of an object of the owner, if anything does.
    pub fn of(owner: &ObjectId, diff: Diff) -> Option<Self> {
        let Diff { object, action, fields } = diff;
        let is_change = matches!(action, Action::Created | Action::Configured | Action::Deleted);
        is_change.then(|| Self { owner: owner.clone(), object, action: action.to_string(), fields, notes: Vec::new() })
    }

    /// What would be done for an owner as a whole.
    pub fn done(owner: &ObjectId, about: Versioned, deed: Deed) -> Self {
        Self {
            owner: owner.clone(),
            object: about,
            action: deed.what.to_owned(),
            fields: Vec::new(),
            notes: deed.details,
        }
    }

    fn is_deletion(&self) -> bool {
        self.action == Action::Deleted.to_string()
    }
}

/// Each object once, and none as deleted that another owner of the revision describes: it goes over to that one.
pub fn told(
    changes: Vec<Change>,
    mut notes: BTreeMap<ObjectId, Vec<String>>,
    described: &BTreeSet<ObjectId>,
) -> Vec<Change> {
    let mut deleted = BTreeSet::new();
    let mut is_told = |change: &Change| {
        let id = &change.object.id;
        !change.is_deletion() || (!described.contains(id) && deleted.insert(id.clone()))
    };
    let told = changes.into_iter().filter(|change| is_told(change));
    let with_notes = |mut change: Change| {
        change.notes.extend(notes.remove(&change.object.id).unwrap_or_default());
        change
    };
    told.map(with_notes).collect()
}
