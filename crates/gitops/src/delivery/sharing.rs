//! Keeps an object alive that moves from one owner to another.
//!
//! A commit that moves an object makes one owner drop it and another one take it. Whoever drops it must not
//! delete it before the other had a chance to say that it wants it. So the deletion comes last: it waits, for a
//! while, until every other owner of the same source that the commit concerns is past its apply, and then
//! leaves alone what one of them claimed. Those that may not apply before their dependencies are ready are rendered
//! to learn what they will describe.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_apply::{ObjectId, Versioned};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::claims::{Claims, Concerned, Contested, Heirs, Rank, Shared};
use crate::owner::{OwnerName, Settings};
use crate::source::SourceName;

/// The longest that a deletion waits for others, each time that it does.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long it has to be quiet: an owner that was just created takes a moment to be noticed.
const QUIET: Duration = Duration::from_millis(100);

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
    /// By source, the owners that did not apply yet.
    before_apply: HashMap<SourceName, HashSet<OwnerName>>,
    /// By source, the owners that wait for others before they may apply.
    blocked: HashMap<SourceName, HashMap<OwnerName, (Rank, Arc<Settings>)>>,
    claims: Claims,
    /// Objects that others gave to an owner, which its inventory may not have yet.
    given: HashMap<OwnerName, Vec<Versioned>>,
}

impl Sharing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `name` is about to apply something of `source`.
    pub(crate) fn enter(&self, source: &SourceName, name: &OwnerName) {
        self.state().before_apply.entry(source.clone()).or_default().insert(name.clone());
    }

    /// `name` has applied, or will not.
    pub(crate) fn leave(&self, source: &SourceName, name: &OwnerName) {
        let mut state = self.state();
        if let Some(names) = state.before_apply.get_mut(source) {
            names.remove(name);
            if names.is_empty() {
                state.before_apply.remove(source);
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// `name` may not apply yet.
    pub(crate) fn block(&self, rank: Rank, settings: &Arc<Settings>) {
        let mut state = self.state();
        let blocked = state.blocked.entry(settings.source.clone()).or_default();
        blocked.insert(rank.name.clone(), (rank, settings.clone()));
    }

    /// `name` does not wait any more.
    pub(crate) fn unblock(&self, name: &OwnerName) {
        self.state().blocked.retain(|_, names| {
            names.remove(name);
            !names.is_empty()
        });
    }

    /// The owners of `source` that may not apply yet: what they will describe is not claimed.
    pub(crate) fn blocked(&self, source: &SourceName) -> Vec<(Rank, Arc<Settings>)> {
        self.state().blocked.get(source).into_iter().flat_map(HashMap::values).cloned().collect()
    }

    /// `rank` had these objects when the process began.
    pub(crate) fn expect(&self, rank: &Rank, is_suspended: bool, objects: impl IntoIterator<Item = ObjectId>) {
        self.state().claims.expect(rank, is_suspended, objects);
    }

    /// `rank` describes these objects and no others. Those of `left` it leaves as they are, since they ask for that.
    pub(crate) fn claim(
        &self,
        rank: &Rank,
        objects: impl IntoIterator<Item = ObjectId>,
        left: BTreeSet<ObjectId>,
    ) -> Concerned {
        let concerned = self.state().claims.claim(rank, objects, left);
        self.changed.notify_waiters();
        concerned
    }

    /// What `rank` describes and leaves to somebody older.
    pub(crate) fn lost(&self, rank: &Rank) -> BTreeSet<ObjectId> {
        self.state().claims.lost(rank)
    }

    /// What `rank` describes and somebody who goes before it is said to have.
    pub(crate) fn contested(&self, rank: &Rank) -> Vec<Contested> {
        self.state().claims.contested(rank)
    }

    /// Those other than `name` that had the object before the start, and did not say yet whether they still describe it.
    pub(crate) fn doubtful(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        self.state().claims.doubtful(name, object)
    }

    /// It turned out that `name` cannot have the object.
    pub(crate) fn disprove(&self, name: &OwnerName, object: &ObjectId) -> Concerned {
        let concerned = self.state().claims.disprove(name, object);
        self.changed.notify_waiters();
        concerned
    }

    /// `rank` applied these objects; `is_all`: all that it could.
    pub(crate) fn applied(&self, rank: &Rank, objects: &BTreeSet<ObjectId>, is_all: bool) -> Concerned {
        self.state().claims.applied(rank, objects, is_all)
    }

    /// `name` is suspended.
    pub(crate) fn rest(&self, name: &OwnerName) -> Concerned {
        self.unblock(name);
        self.state().claims.rest(name)
    }

    /// `rank` goes, and describes nothing any more. It is known until all that it had is gone or somebody else's.
    pub(crate) fn go(&self, rank: &Rank) -> Concerned {
        self.unblock(&rank.name);
        self.claim(rank, [], BTreeSet::new())
    }

    /// `name` is gone.
    pub(crate) fn disclaim(&self, name: &OwnerName) -> Concerned {
        self.unblock(name);
        let mut state = self.state();
        state.given.remove(name);
        let concerned = state.claims.disclaim(name);
        drop(state);
        self.changed.notify_waiters();
        concerned
    }

    /// Of what `name` describes no more it has these objects still, and no others.
    pub(crate) fn keep(&self, name: &OwnerName, objects: &[Versioned]) {
        self.state().claims.keep(name, objects.iter().map(|object| object.id.clone()));
    }

    /// Who else than `name` could have the object. Where one has it, `name` gives it up with that.
    pub(crate) fn heirs(&self, name: &OwnerName, object: &ObjectId) -> Heirs {
        let mut state = self.state();
        let heirs = state.claims.heirs(name, object);
        if matches!(heirs, Heirs::OneHasIt(_)) {
            state.claims.give_up(name, object);
        }
        heirs
    }

    /// Whether nobody but `pruner` describes the object, and `owner`, who is there, and so had a say, gave it up.
    pub(crate) fn is_abandoned(&self, pruner: &OwnerName, owner: &OwnerName, object: &ObjectId) -> bool {
        let claims = &self.state().claims;
        claims.gave_up(owner, object) && !claims.is_claimed_by_another(pruner, object)
    }

    /// The object is one of `heir` now.
    pub(crate) fn hand_over(&self, heir: &OwnerName, object: &Versioned) {
        let mut state = self.state();
        if state.claims.is_known(heir) {
            state.given.entry(heir.clone()).or_default().push(object.clone());
        }
    }

    /// Who else describes `owner` itself, as far as is known so that they may change it.
    pub(crate) fn describers(&self, owner: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.describers(owner, &object_of(owner))
    }

    /// Who else describes `owner` itself, or may be about to delete it because it no longer does.
    pub(crate) fn parents(&self, owner: &OwnerName) -> Vec<OwnerName> {
        self.state().claims.havers(owner, &object_of(owner))
    }

    /// What others gave to `name` since it last asked.
    pub(crate) fn take_given(&self, name: &OwnerName) -> Vec<Versioned> {
        self.state().given.remove(name).unwrap_or_default()
    }

    /// The objects of `name` that others describe too.
    pub(crate) fn shared(&self, name: &OwnerName) -> Vec<Shared> {
        self.state().claims.shared(name)
    }

    /// Waits until it is known of everybody who had one of the objects before the process began whether it still
    /// describes it.
    pub(crate) async fn wait_for_doubtful(&self, name: &OwnerName, objects: &[Versioned]) {
        let deadline = Instant::now() + self.patience;
        loop {
            let changed = self.changed.notified();
            let is_doubtful = self.state().claims.is_doubtful(name, objects.iter().map(|object| &object.id));
            if !is_doubtful || tokio::time::timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }

    /// Waits until nobody else is about to apply something of `source`.
    pub(crate) async fn wait_for_others(&self, source: &SourceName) {
        let deadline = Instant::now() + self.patience;
        loop {
            let changed = self.changed.notified();
            let is_quiet = !self.state().before_apply.contains_key(source);
            if is_quiet {
                tokio::time::sleep(QUIET).await;
                if !self.state().before_apply.contains_key(source) {
                    return;
                }
                continue;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }
}

/// An owner as an object that others describe.
fn object_of(owner: &OwnerName) -> ObjectId {
    let OwnerName { kind, namespace, name } = owner;
    let (group, kind) = (kind.group.to_owned(), kind.kind.to_owned());
    ObjectId { namespace: namespace.clone(), name: name.clone(), group, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Owning;
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use cowherd_apply::inventory as entries;

    fn name(text: &str) -> OwnerName {
        OwnerName::new(&crate::kustomization::KIND, "n", text)
    }

    fn source() -> SourceName {
        SourceName::new(crate::source::git::KIND, "n", "source")
    }

    fn rank(name: &str) -> Rank {
        let metadata = serde_json::json!({ "name": name, "namespace": "n" });
        let spec = serde_json::json!({ "interval": "1m", "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "s" } });
        let object: Kustomization =
            serde_json::from_value(serde_json::json!({ "metadata": metadata, "spec": spec })).unwrap();
        Rank::of(&object.read(None).0)
    }

    #[tokio::test]
    async fn a_deletion_waits_for_those_who_have_not_applied() {
        let sharing = Arc::new(Sharing::default());
        sharing.enter(&source(), &name("b"));
        let object = ObjectId { name: "moved".into(), ..ObjectId::default() };
        let waiter = {
            let (sharing, object) = (sharing.clone(), object.clone());
            tokio::spawn(async move {
                sharing.wait_for_others(&source()).await;
                sharing.state().claims.is_claimed_by_another(&name("a"), &object)
            })
        };
        tokio::time::sleep(QUIET * 2).await;
        assert!(!waiter.is_finished());
        let _ = sharing.claim(&rank("b"), [object], BTreeSet::new());
        sharing.leave(&source(), &name("b"));
        assert!(waiter.await.unwrap());
    }

    #[test]
    fn what_an_owner_has_still_is_given_up_when_it_is_left_to_another_or_gone() {
        let sharing = Sharing::default();
        let object = entries::parse("n_shared__ConfigMap", "v1").unwrap();
        let is_abandoned = || sharing.is_abandoned(&name("b"), &name("a"), &object.id);
        assert!(!is_abandoned(), "it may yet say that it describes it");
        let describe = |rank: &Rank, ids: &[&ObjectId]| {
            drop(sharing.claim(rank, ids.iter().copied().cloned(), BTreeSet::new()));
        };
        let (a, b) = (rank("a"), rank("b"));
        describe(&a, &[&object.id]);
        describe(&b, &[]);
        assert!(!is_abandoned());
        describe(&a, &[]);
        assert!(!is_abandoned(), "it is there to delete it");
        assert_eq!(sharing.heirs(&a.name, &object.id), Heirs::Some(Vec::new()));
        assert!(!is_abandoned(), "nobody has got it");

        describe(&b, &[&object.id]);
        drop(sharing.applied(&b, &[object.id.clone()].into_iter().collect(), true));
        assert_eq!(sharing.heirs(&a.name, &object.id), Heirs::OneHasIt(b.name.clone()));
        describe(&b, &[]);
        assert!(is_abandoned(), "it was left to who drops it now");
        sharing.keep(&a.name, std::slice::from_ref(&object));
        assert!(!is_abandoned());
        sharing.keep(&a.name, &[]);
        assert!(is_abandoned(), "it is not to be pruned there");
    }

    #[tokio::test]
    async fn a_deletion_does_not_wait_for_ever() {
        let sharing = Sharing { patience: Duration::from_millis(10), ..Sharing::default() };
        sharing.enter(&source(), &name("stuck"));
        let source = source();
        let waited = tokio::time::timeout(Duration::from_secs(5), sharing.wait_for_others(&source)).await;
        assert!(waited.is_ok());
    }
}
