//! What owners leave behind that were deleted and come back: their objects, and that they describe them.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::ObjectId;
use tokio::time::{Instant, timeout_at};

use super::super::claims::{Concerned, Rank};
use super::super::words::Silent;
use super::{Place, Sharing, State};
use crate::owner::{Owner, OwnerName, Status};

/// What an owner has left behind.
pub(super) struct Remains {
    owner: Arc<Owner>,
    status: Status,
    /// The one that goes on with that. Until it has written down what it has, it may go without a trace.
    successor: Option<String>,
}

impl Sharing {
    /// The owner goes with this status, and all that it has stays for the one that is made anew. Until then it is described as if
    /// it were there.
    pub(crate) fn leave_behind(&self, owner: &Arc<Owner>, status: &Status) {
        let remains = Remains { owner: owner.clone(), status: status.remains(), successor: None };
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

    /// `successor` is there, and goes on with the objects that the former owner of its name has left behind.
    pub(crate) fn go_on(
        &self,
        successor: &Owner,
        place: Option<Place>,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Concerned {
        let (mut state, rank) = (self.state(), Rank::of(successor));
        if let Some(remains) = state.remains.get_mut(&successor.name) {
            remains.successor = successor.uid().map(str::to_owned);
        }
        // Nobody sees it in between: what it describes is described all the time. But it is younger than the former one.
        let mut concerned = state.claims.disclaim(&rank.name);
        state.claims.place(&rank.name, place);
        concerned.extend(state.claims.of_mut(&rank.name).expect(&rank, successor.is_suspended, objects));
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// The owner says in its status what it has, and cannot go without being asked.
    pub(crate) fn has_written(&self, owner: &Owner) {
        let mut state = self.state();
        let is_successor =
            |remains: &Remains| remains.successor.is_some() && remains.successor.as_deref() == owner.uid();
        if state.remains.get(&owner.name).is_some_and(is_successor) {
            state.remains.remove(&owner.name);
        }
    }

    /// `name` is gone. What a former one has left behind and it did not write down is there still for the next one: that former one,
    /// and its status.
    pub(crate) fn has_left_again(&self, name: &OwnerName) -> Option<(Arc<Owner>, Status)> {
        let State { remains, words, .. } = &mut *self.state();
        let remains = remains.get_mut(name)?;
        remains.successor = None;
        let _ = words.meet(&remains.owner, false, false);
        self.changed.notify_waiters();
        Some((remains.owner.clone(), remains.status.clone()))
    }

    /// The owner goes, and what it has left behind, if anything, goes too: nobody waits for what it says any more.
    pub(crate) fn goes(&self, owner: &Owner) -> Concerned {
        let mut state = self.state();
        state.remains.remove(&owner.name);
        let mut concerned = Concerned::default();
        if !state.is_another_there(owner) {
            concerned = Concerned::to_look(state.words.go(owner));
        }
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// Nothing of this name is there any more, as the cluster says.
    pub(crate) fn has_gone(&self, name: &OwnerName) {
        self.state().words.has_gone(name);
    }

    /// Whether `owner`, which has left something behind, is there again, and by whom it is described. Where it is, and was before
    /// there was anything that it could go on with, it is given that.
    pub(crate) fn comes_back(&self, owner: &Owner) -> ComesBack {
        let (mut state, name) = (self.state(), &owner.name);
        let Some(remains) = state.remains.get(name) else { return ComesBack::Has };
        if remains.successor.is_some() {
            return ComesBack::Has;
        }
        if state.is_another_there(owner) {
            let objects = state.remains.remove(name).map(|remains| remains.status.objects());
            state.given.entry(name.clone()).or_default().extend(objects.unwrap_or_default());
            return ComesBack::Has;
        }
        ComesBack::May(state.claims.here().describing(&name.as_object().id))
    }

    /// Those other than `name` that describe it and are at work, whether they could apply it or not.
    pub(crate) fn keepers(&self, name: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.here().at_work_on(name, &name.as_object().id)
    }

    /// Whether `name` describes itself.
    pub(crate) fn describes_itself(&self, name: &OwnerName) -> bool {
        self.state().claims.here().describing(&name.as_object().id).contains(name)
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
    /// Whether another object of the name of `owner` is there by now.
    pub(super) fn is_another_there(&self, owner: &Owner) -> bool {
        self.words.owner(&owner.name).is_some_and(|known| known.uid() != owner.uid())
    }

    /// Whether one that was made at another time has the name of `rank` by now.
    pub(super) fn has_successor(&self, rank: &Rank) -> bool {
        self.words.owner(&rank.name).is_some_and(|known| known.created() != rank.created)
    }

    fn are_keepers_in_doubt(&self, name: &OwnerName, patience: Duration) -> bool {
        let object = name.as_object().id;
        let had = !self.claims.here().doubtful(name, &object).is_empty();
        had || self.claims.here().at_work_on(name, &object).iter().any(|keeper| {
            let is_short = |silent: Silent| silent.name() == keeper && silent.is_short(patience);
            let is_there = self.words.owner(keeper).is_some_and(|owner| !owner.is_deleted());
            (!is_there && !self.remains.contains_key(keeper)) || self.words.silent().any(is_short)
        })
    }
}
