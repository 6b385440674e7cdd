//! Owners that are known to be gone, so that the API is not asked for each of their dependents.

use std::collections::{HashSet, VecDeque};

/// How many are remembered.
const MOST: usize = 4096;

/// An owner as it is referred to: uid, version and kind, namespace, name. No such object will ever be there again,
/// since no uid is used twice.
pub type Absentee = (String, String, String, String, String);

/// Owners that are gone; the oldest are forgotten first.
#[derive(Default)]
pub struct Absent {
    owners: HashSet<Absentee>,
    order: VecDeque<Absentee>,
}

impl Absent {
    pub fn insert(&mut self, owner: Absentee) {
        if !self.owners.insert(owner.clone()) {
            return;
        }
        self.order.push_back(owner);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.owners.remove(&oldest);
        }
    }

    pub fn contains(&self, owner: &Absentee) -> bool {
        self.owners.contains(owner)
    }
}
