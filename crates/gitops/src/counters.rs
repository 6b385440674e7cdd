//! Counts what the agents do, so that tests and benchmarks can see that cost follows the change.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the agents did since they were started.
#[derive(Debug, Default)]
pub struct Counters {
    fetches: AtomicU64,
    renders: AtomicU64,
    applies: AtomicU64,
    created: AtomicU64,
    configured: AtomicU64,
    pruned: AtomicU64,
    followed: AtomicU64,
    drifts: AtomicU64,
    status_writes: AtomicU64,
}

/// What [`Counters`] have counted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Repositories that were looked at.
    pub fetches: u64,
    /// owners that were rendered.
    pub renders: u64,
    /// owners that were applied, whether or not that changed an object.
    pub applies: u64,
    /// Objects that were created.
    pub created: u64,
    /// Objects that were changed.
    pub configured: u64,
    /// Objects that were deleted.
    pub pruned: u64,
    /// owners that a new revision did not concern, and whose status followed to it.
    pub followed: u64,
    /// Objects that were found changed by someone else.
    pub drifts: u64,
    /// Writes of an owner's status.
    pub status_writes: u64,
}

impl Counters {
    /// What was counted so far.
    pub fn get(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            fetches: read(&self.fetches),
            renders: read(&self.renders),
            applies: read(&self.applies),
            created: read(&self.created),
            configured: read(&self.configured),
            pruned: read(&self.pruned),
            followed: read(&self.followed),
            drifts: read(&self.drifts),
            status_writes: read(&self.status_writes),
        }
    }

    pub(crate) fn fetched(&self) {
        add(&self.fetches, 1);
    }

    pub(crate) fn rendered(&self) {
        add(&self.renders, 1);
    }

    pub(crate) fn applied(&self, changes: &cowherd_apply::ChangeSet) {
        use cowherd_apply::Action;
        add(&self.applies, 1);
        add(&self.created, changes.count(Action::Created));
        add(&self.configured, changes.count(Action::Configured));
    }

    pub(crate) fn pruned(&self, objects: usize) {
        add(&self.pruned, objects);
    }

    pub(crate) fn followed(&self) {
        add(&self.followed, 1);
    }

    pub(crate) fn drifted(&self) {
        add(&self.drifts, 1);
    }

    pub(crate) fn wrote_status(&self) {
        add(&self.status_writes, 1);
    }
}

fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}
