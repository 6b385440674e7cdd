//! What owners leave behind that were deleted and come back: their objects, and that they describe them.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::ObjectId;
use tokio::time::{Instant, timeout_at};

use super::super::claims::{Concerned, Rank};
use super::super::words::Silent;
use super::{Sharing, State};
use crate::owner::{Owner, OwnerName, Status};

/// What an owner has left behind.
pub(super) struct Remains {
    owner: Arc<Owner>,
    status: Status,
}

impl Sharing {
    /// The owner goes with this status, and all that it has stays for the one that is made anew. Until then it is described as if
    /// it were there.
    pub(crate) fn leave_behind(&self, owner: &Arc<Owner>, status: &Status) {
        let remains = Remains { owner: owner.clone(), status: status.remains() };
        self.state().remains.insert(owner.name.clone(), remains);
        self.changed.notify_waiters();
    }

    /// What the former owner of this name has left behind.
    pub(crate) fn remains(&self, name: &OwnerName) -> Option<Status> {
        self.state().remains.get(name).map(|remains| remains.status.clone())
    }

    /// The former owner of this name, if it is gone and may come back.
    pub(crate) fn absent(&self, name: &OwnerName) -> Option<Arc<Owner>> {
        self.state().remains.get(name).map(|remains| remains.owner.clone())
    }

    /// `rank` is there, and goes on with the objects that the former owner of its name has left behind.
    pub(crate) fn go_on(
        &self,
        rank: &Rank,
        is_suspended: bool,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Concerned {
        let mut state = self.state();
        state.remains.remove(&rank.name);
        // Nobody sees it in between: what it describes is described all the time. But it is younger than the former one.
        let concerned = state.claims.disclaim(&rank.name);
        state.claims.expect(rank, is_suspended, objects);
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// `name` goes, and what it has left behind, if anything, goes too: nobody waits for what it says any more.
    pub(crate) fn goes(&self, name: &OwnerName) -> Concerned {
        let mut state = self.state();
        state.remains.remove(name);
        let concerned = Concerned::to_look(state.words.forget(name));
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// Whether `name` has left something behind, and by whom it is described.
    pub(crate) fn comes_back(&self, name: &OwnerName) -> ComesBack {
        let state = self.state();
        match state.remains.contains_key(name) {
            false => ComesBack::Has,
            true => ComesBack::May(state.claims.describing(&name.as_object().id)),
        }
    }

    /// Those other than `name` that describe it and are at work, whether they could apply it or not.
    pub(crate) fn keepers(&self, name: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.at_work_on(name, &name.as_object().id)
    }

    /// Whether `name` describes itself.
    pub(crate) fn describes_itself(&self, name: &OwnerName) -> bool {
        self.state().claims.describing(&name.as_object().id).contains(name)
    }

    /// Waits until it is known of all that describe `name` itself whether they still do, and of those that go whether they come
    /// back; as long as patience lasts.
    pub(crate) async fn wait_for_keepers(&self, name: &OwnerName) {
        let deadline = Instant::now() + self.patience;
        loop {
            let changed = self.changed.notified();
            let is_known = !self.state().are_keepers_in_doubt(name, self.patience);
            if is_known || timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }

    /// Completes when anything has changed since this was called.
    pub(crate) fn change(&self) -> impl Future<Output = ()> + '_ {
        self.changed.notified()
    }
}

/// Whether an owner comes back that has left something behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ComesBack {
    /// It is there, and has that.
    Has,
    /// These describe it.
    May(Vec<OwnerName>),
}

impl State {
    fn are_keepers_in_doubt(&self, name: &OwnerName, patience: Duration) -> bool {
        let object = name.as_object().id;
        let had = !self.claims.doubtful(name, &object).is_empty();
        had || self.claims.at_work_on(name, &object).iter().any(|keeper| {
            let is_short = |silent: Silent| silent.name() == keeper && silent.is_short(patience);
            let is_there = self.words.owner(keeper).is_some_and(|owner| !owner.is_deleted());
            (!is_there && !self.remains.contains_key(keeper)) || self.words.silent().any(is_short)
        })
    }
}
