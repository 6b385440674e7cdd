//! Keeps an object alive that moves from one owner to another.
//!
//! A commit that moves an object makes one owner drop it and another one take it. Whoever drops it must not delete it before
//! the other has said whether it wants it ([`super::words`] has the rule). So the deletion comes last: it waits, for a while,
//! until everybody whom the commit may concern is past its apply, and then leaves alone what one of them claimed. Those that
//! may not apply before their dependencies are ready are rendered to learn what they will describe. While somebody says
//! nothing, the deletion is held back ([`super::awaited`]).

mod promises;
mod quiet;
mod remains;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_apply::{ObjectId, Versioned};
use serde_json::Value;
use tokio::sync::Notify;

pub(crate) use super::claims::Place;
use super::claims::{Concerned, Contested, Domains, Heirs, Rank, Shared};
use super::unbrought::Specs;
use super::words::{Foreseen, Silence, Silent, Words};
use crate::owner::{KubeConfig, Owner, OwnerName};
use crate::source::{Artifact, SourceName};
use crate::target::ClusterId;
pub(crate) use remains::ComesBack;
use remains::Remains;

/// The longest that a deletion waits for others, each time that it does.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Who is about to apply, and who wants what.
pub(crate) struct Sharing {
    state: Mutex<State>,
    changed: Notify,
    patience: Duration,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), patience: PATIENCE }
    }
}

#[derive(Default)]
struct State {
    /// What sources have brought.
    contents: HashMap<SourceName, Arc<Artifact>>,
    words: Words,
    /// By cluster.
    claims: Domains,
    /// Objects that others gave to an owner, or are about to, which its inventory may not have yet.
    given: HashMap<OwnerName, Vec<Versioned>>,
    /// How many are about to be given to an owner.
    promised: HashMap<OwnerName, usize>,
    /// The specs that owners are to have, by who describes them and could not bring that.
    unbrought: HashMap<OwnerName, Specs>,
    /// What owners had that are made anew as soon as they are gone.
    remains: HashMap<OwnerName, Remains>,
}

impl Sharing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The owner is there. `is_changed`: it is another one than before, or has another spec; `is_observed`: its status says that
    /// something was said of that spec.
    pub(crate) fn meet(&self, owner: &Arc<Owner>, is_changed: bool, is_observed: bool) -> Concerned {
        let concerned = Concerned::to_look(self.state().words.meet(owner, is_changed, is_observed));
        self.changed.notify_waiters();
        concerned
    }

    /// The source has brought something, or is gone.
    pub(crate) fn news(&self, source: &SourceName, content: Option<&Arc<Artifact>>) -> Concerned {
        let mut state = self.state();
        let Some(content) = content else {
            state.contents.remove(source);
            return Concerned::default();
        };
        state.contents.insert(source.clone(), content.clone());
        Concerned::to_look(state.words.news(source))
    }

    /// What the source of `name` has brought does not concern it.
    pub(crate) fn is_unconcerned(&self, name: &OwnerName) -> Concerned {
        let concerned = Concerned::to_look(self.state().words.is_unconcerned(name));
        self.changed.notify_waiters();
        concerned
    }

    /// `name` is about to apply something of `source`: the number of the job.
    pub(crate) fn enter(&self, source: &SourceName, name: &OwnerName) -> u64 {
        self.state().words.enter(source, name)
    }

    /// The job of this number has claimed what `name` describes.
    pub(crate) fn said(&self, name: &OwnerName, job: u64) -> Concerned {
        let concerned = Concerned::to_look(self.state().words.say(name, job));
        self.changed.notify_waiters();
        concerned
    }

    /// What `name` describes in what is known since these news was claimed for it.
    pub(crate) fn said_for(&self, name: &OwnerName, news: u64) -> Concerned {
        Concerned::to_look(self.state().words.say_for(name, news))
    }

    /// What `name` would describe in what is known since these news, were it not suspended.
    pub(crate) fn foresee(&self, name: &OwnerName, news: u64, foreseen: Foreseen) {
        self.state().words.foresee(name, news, foreseen);
    }

    /// Why `name` does not say what it describes.
    pub(crate) fn fall_silent(&self, name: &OwnerName, silence: Silence) -> Concerned {
        let concerned = Concerned::to_look(self.state().words.fall_silent(name, silence));
        self.changed.notify_waiters();
        concerned
    }

    /// How many owners of the source may not say yet what they describe, since they wait for others.
    #[cfg(test)]
    pub(crate) fn blocked(&self, source: &SourceName) -> usize {
        self.state().words.count(source, Silence::Blocked)
    }

    /// What the source has brought.
    pub(crate) fn content(&self, source: &SourceName) -> Option<Arc<Artifact>> {
        self.state().contents.get(source).cloned()
    }

    /// Those that may describe what `pruner`, which is made of `source`, is about to delete, and have not said so yet.
    pub(crate) fn silent_beside(&self, pruner: &OwnerName, source: Option<&SourceName>) -> Vec<Silent> {
        self.state().silent_beside(pruner, source).collect()
    }

    /// `waiter` holds deletions back until these owners say something.
    pub(crate) fn wait_for<'a>(&self, waiter: &OwnerName, names: impl Iterator<Item = &'a OwnerName>) -> Concerned {
        Concerned::to_look(self.state().words.wait_for(waiter, names))
    }

    /// Those that hold deletions back until `name` says something.
    pub(crate) fn waiting_for(&self, name: &OwnerName) -> BTreeSet<OwnerName> {
        self.state().words.waiting_for(name)
    }

    /// `name` has applied, or will not.
    pub(crate) fn leave(&self, source: &SourceName, name: &OwnerName) {
        self.state().words.leave(source, name);
        self.changed.notify_waiters();
    }

    /// `rank` had these objects when the process began, in the cluster that it is brought to.
    pub(crate) fn expect(
        &self,
        rank: &Rank,
        place: Option<Place>,
        is_suspended: bool,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Concerned {
        let mut state = self.state();
        state.claims.place(&rank.name, place);
        state.claims.of_mut(&rank.name).expect(rank, is_suspended, objects)
    }

    /// It was found out to which cluster `rank` is brought, by what it says now of that; or that nobody can tell.
    pub(crate) fn settle(&self, rank: &Rank, said: Option<&KubeConfig>, cluster: Option<&ClusterId>) -> Concerned {
        let mut state = self.state();
        // A former owner says nothing of the one that has its name by now.
        if state.has_successor(rank) {
            return Concerned::default();
        }
        let (has_changed, concerned) = state.claims.settle(rank, said, cluster);
        if has_changed {
            state.given.remove(&rank.name);
            drop(state);
            self.changed.notify_waiters();
        }
        concerned
    }

    /// Something of what `name` has waits to be approved, as its status says.
    pub(crate) fn expect_to_wait(&self, name: &OwnerName) {
        self.state().claims.of_mut(name).expect_to_wait(name);
    }

    /// `rank` describes these objects and no others. Those of `left` it leaves as they are, since they ask for that. What
    /// a former owner says counts no more once another one of its name is there.
    pub(crate) fn claim(
        &self,
        rank: &Rank,
        objects: impl IntoIterator<Item = ObjectId>,
        left: BTreeSet<ObjectId>,
    ) -> Concerned {
        let mut state = self.state();
        if state.has_successor(rank) {
            return Concerned::default();
        }
        let concerned = state.claims.of_mut(&rank.name).claim(rank, objects, left);
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// What `rank` describes and leaves to somebody older.
    pub(crate) fn lost(&self, rank: &Rank) -> BTreeSet<ObjectId> {
        self.state().claims.of(&rank.name).lost(rank)
    }

    /// What `rank` describes and somebody who goes before it is said to have.
    pub(crate) fn contested(&self, rank: &Rank) -> Vec<Contested> {
        self.state().claims.of(&rank.name).contested(rank)
    }

    /// Those other than `name` that had the object before the start, and did not say yet whether they still describe it.
    pub(crate) fn doubtful(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        self.state().claims.of(name).doubtful(name, object)
    }

    /// It turned out that `name` cannot have the object.
    pub(crate) fn disprove(&self, name: &OwnerName, object: &ObjectId) -> Concerned {
        let concerned = self.state().claims.of_mut(name).disprove(name, object);
        self.changed.notify_waiters();
        concerned
    }

    /// `rank` applied these objects; `is_all`: all that it could.
    pub(crate) fn applied(&self, rank: &Rank, objects: &BTreeSet<ObjectId>, is_all: bool) -> Concerned {
        self.state().claims.of_mut(&rank.name).applied(rank, objects, is_all)
    }

    /// `name` is suspended.
    pub(crate) fn rest(&self, name: &OwnerName) -> Concerned {
        self.state().claims.of_mut(name).rest(name)
    }

    /// `rank` goes, and describes nothing any more. It is known until all that it had is gone or somebody else's.
    pub(crate) fn go(&self, rank: &Rank) -> Concerned {
        self.claim(rank, [], BTreeSet::new())
    }

    /// The owner is gone. What it has left behind is described as long as it may come back for that, and what another one of its name
    /// has, that was made meanwhile, is that one's.
    pub(crate) fn disclaim(&self, owner: &Owner) -> Concerned {
        let (mut state, name) = (self.state(), &owner.name);
        let mut concerned = Concerned::default();
        if state.is_another_there(owner) {
            return concerned;
        }
        if !state.remains.contains_key(name) {
            state.given.remove(name);
            concerned = state.claims.disclaim(name);
            concerned.to_look.extend(state.words.forget(name));
        }
        drop(state);
        concerned.to_look.extend(self.leave_unbrought(name, Specs::new()).to_look);
        self.changed.notify_waiters();
        concerned
    }

    /// Of what `name` describes no more it has these objects still, and no others.
    ///
    /// `waits`: since it waits to be approved that they go.
    pub(crate) fn keep(&self, name: &OwnerName, objects: &[Versioned], waits: bool) {
        self.state().claims.of_mut(name).keep(name, objects.iter().map(|object| object.id.clone()), waits);
    }

    /// Whether `name` has objects, and nobody else describes any of them.
    pub(crate) fn is_all_lost_with(&self, name: &OwnerName) -> bool {
        self.state().claims.of(name).is_all_lost_with(name)
    }

    /// What waits at `name` until somebody approves that it goes, and nobody else describes.
    pub(crate) fn waits_at(&self, name: &OwnerName) -> Vec<ObjectId> {
        self.state().claims.of(name).waits_at(name)
    }

    /// Who else than `name` could have the object. Where one has it, `name` gives it up with that.
    pub(crate) fn heirs(&self, name: &OwnerName, object: &ObjectId) -> Heirs {
        let mut state = self.state();
        match state.claims.of(name).heirs(name, object) {
            Heirs::OneHasIt(other) => {
                state.claims.of_mut(name).give_up(name, object);
                Heirs::OneHasIt(other)
            }
            // Of who is suspended it is known what it described when it last said so, and maybe what it would say now.
            Heirs::Some(heirs) => {
                let drops = |heir: &OwnerName| state.words.drops(heir, object);
                Heirs::Some(heirs.into_iter().filter(|heir| !drops(heir)).collect())
            }
        }
    }

    /// Whether nobody but `pruner` describes the object, and `owner`, who is there, and so had a say, gave it up.
    pub(crate) fn is_abandoned(&self, pruner: &OwnerName, owner: &OwnerName, object: &ObjectId) -> bool {
        let state = self.state();
        let claims = state.claims.of(pruner);
        claims.gave_up(owner, object) && !claims.is_claimed_by_another(pruner, object)
    }

    /// Who else describes `owner` itself, as far as is known so that they may change it.
    pub(crate) fn describers(&self, owner: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.here().describers(owner, &owner.as_object().id)
    }

    /// Who else describes `owner` itself, or may be about to delete it because it no longer does.
    pub(crate) fn parents(&self, owner: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.here().havers(owner, &owner.as_object().id)
    }

    /// `name` could not bring these specs to the owners that it describes; those whom it concerns where it is others.
    pub(crate) fn leave_unbrought(&self, name: &OwnerName, specs: Specs) -> Concerned {
        let mut state = self.state();
        let is_same = state.unbrought.get(name).unwrap_or(&Specs::new()) == &specs;
        let before = match specs.is_empty() {
            true => state.unbrought.remove(name),
            false => state.unbrought.insert(name.clone(), specs),
        };
        let concerned = before.filter(|_| !is_same).unwrap_or_default().into_keys();
        Concerned::to_look(concerned.map(|id| OwnerName::new(name.kind, &id.namespace, &id.name)).collect())
    }

    /// Who could not bring the spec that `owner` is to have, and that spec.
    pub(crate) fn unbrought(&self, owner: &OwnerName) -> Vec<(OwnerName, Value)> {
        let object = owner.as_object().id;
        let state = self.state();
        let all = state.unbrought.iter();
        all.filter_map(|(name, specs)| Some((name.clone(), specs.get(&object)?.clone()))).collect()
    }

    /// Who else than `name` describes the object.
    pub(crate) fn others_describing(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        self.state().claims.of(name).all_describing(name, object)
    }

    /// Who `name` is.
    pub(crate) fn owner(&self, name: &OwnerName) -> Option<Arc<Owner>> {
        self.state().words.owner(name)
    }

    /// The objects of `name` that others describe too.
    pub(crate) fn shared(&self, name: &OwnerName) -> Vec<Shared> {
        self.state().claims.of(name).shared(name)
    }
}
