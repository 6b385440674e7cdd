//! Deletes what is no longer described.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::Applier;
use super::apply::AT_ONCE;
use super::stays::{Stays, why_stays};
use super::takeover::again;
use crate::change::{Action, ChangeSet};
use crate::cluster::{Account, Kind, is_forbidden};
use crate::error::{ApplyError, Partial};
use crate::object::{ObjectId, Versioned};
use crate::order;
use crate::owner::{Owner, Ownership};
use crate::wait::Expectation;

/// Objects that are to go.
#[derive(Clone, Debug)]
pub struct Stale {
    /// Whose objects they are; objects that another owner took over meanwhile stay.
    pub owner: Owner,
    /// The objects.
    pub objects: Vec<Versioned>,
    /// On whose behalf they are deleted; by default that of [`Clients::applying`](crate::Clients::applying).
    pub account: Option<Account>,
    /// Which other owners gave up an object that has their labels. Asked at the moment of the deletion.
    pub abandoned_by: Owners,
}

/// Some owners, each of some objects.
#[derive(Clone)]
pub struct Owners(Arc<IsOne>);

type IsOne = dyn Fn(&Owner, &ObjectId) -> bool + Send + Sync;

impl Owners {
    /// Those for which `is_one` holds.
    pub fn those(is_one: impl Fn(&Owner, &ObjectId) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_one))
    }

    /// None.
    pub fn none() -> Self {
        Self::those(|_, _| false)
    }

    /// The same, but for these objects none.
    #[must_use]
    pub fn but_not_of(self, objects: HashSet<ObjectId>) -> Self {
        Self::those(move |owner, object| !objects.contains(object) && (self.0)(owner, object))
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owners")
    }
}

/// The objects that were deleted, so that someone can wait until they are gone.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// What was done to each object.
    pub changes: ChangeSet,
    /// The objects that were told to go.
    pub leaving: Vec<Expectation>,
    /// Those of them that are there until somebody takes these finalizers away.
    pub held: Vec<(ObjectId, Vec<String>)>,
    /// The objects that stay, and why.
    pub stayed: Vec<(ObjectId, Stays)>,
}

/// What became of an object that was to go.
enum Fate {
    /// It was told to go; the finalizers that it waits for.
    Goes(Expectation, Vec<String>),
    Gone,
    Stays(Stays),
}

impl Pruned {
    fn note(&mut self, object: Versioned, fate: Fate) -> Action {
        let action = match fate {
            Fate::Goes(leaving, finalizers) => {
                self.leaving.push(leaving);
                if !finalizers.is_empty() {
                    self.held.push((object.id.clone(), finalizers));
                }
                Action::Deleted
            }
            Fate::Gone => Action::Gone,
            Fate::Stays(why) => {
                self.stayed.push((object.id.clone(), why));
                Action::Skipped
            }
        };
        self.changes.push(object, action);
        action
    }
}

impl Applier {
    /// Deletes the objects in the reverse of the order in which they were applied.
    ///
    /// # Errors
    /// Every object is tried. An object whose deletion the API did not confirm is not among the changes that the
    /// error tells of, and belongs into the inventory still.
    pub async fn prune(&self, stale: &Stale) -> Result<Pruned, Partial> {
        self.prune_while(stale, |_| true, |_| ()).await
    }

    /// Deletes as [`Applier::prune`] does, while it `goes_on`, which is asked at the last moment before each object is deleted, and
    /// tells what was done to each as soon as it was.
    ///
    /// # Errors
    /// As [`Applier::prune`]; [`ApplyError::Superseded`] where it does not go on.
    pub async fn prune_while(
        &self,
        stale: &Stale,
        goes_on: impl Fn(&ObjectId) -> bool,
        mut tell: impl FnMut(Action),
    ) -> Result<Pruned, Partial> {
        let mut objects = stale.objects.clone();
        objects.sort_by(|a, b| order::compare(&b.id, &a.id));
        let mut pruned = Pruned::default();
        let mut errors = Vec::new();
        while !objects.is_empty() {
            // Those of one rank do not need each other.
            let rank = order::rank(&objects[0].id.kind);
            let rest = objects.split_off(objects.partition_point(|object| order::rank(&object.id.kind) >= rank));
            let same_rank = std::mem::replace(&mut objects, rest);
            let is_over = AtomicBool::new(false);
            let deletions = same_rank.into_iter().map(|object| self.prune_unless(stale, object, &goes_on, &is_over));
            let mut deletions = stream::iter(deletions).buffered(AT_ONCE);
            while let Some((object, fate)) = deletions.next().await {
                match fate {
                    Ok(fate) => tell(pruned.note(object, fate)),
                    Err(ApplyError::Superseded) => {}
                    Err(error) => errors.push(error),
                }
            }
            drop(deletions);
            if is_over.into_inner() {
                return Err(Partial::new(ApplyError::Superseded, pruned.changes));
            }
        }
        if errors.is_empty() { Ok(pruned) } else { Err(Partial::new(ApplyError::Several(errors), pruned.changes)) }
    }

    /// Deletes an object unless it does not go on, for this one or another. What has begun ends, and is told of.
    async fn prune_unless(
        &self,
        stale: &Stale,
        object: Versioned,
        goes_on: &impl Fn(&ObjectId) -> bool,
        is_over: &AtomicBool,
    ) -> (Versioned, Result<Fate, ApplyError>) {
        let fate = match is_over.load(Relaxed) {
            true => Err(ApplyError::Superseded),
            false => self.prune_one(stale, &object, goes_on).await,
        };
        if matches!(fate, Err(ApplyError::Superseded)) {
            is_over.store(true, Relaxed);
        }
        (object, fate)
    }

    async fn prune_one(
        &self,
        stale: &Stale,
        object: &Versioned,
        goes_on: &impl Fn(&ObjectId) -> bool,
    ) -> Result<Fate, ApplyError> {
        let _permit = self.inner.requests.acquire().await;
        let mut is_second = false;
        loop {
            // With its kind every object is gone too.
            let Some(kind) = self.kind_now(object).await? else { return Ok(Fate::Gone) };
            match self.prune_as(stale, object, &kind, goes_on).await {
                // The version is served no more; another one may be.
                Err(error) if error.is_not_found() && !is_second => is_second = true,
                fate => return fate,
            }
        }
    }

    async fn prune_as(
        &self,
        stale: &Stale,
        object: &Versioned,
        kind: &Kind,
        goes_on: &impl Fn(&ObjectId) -> bool,
    ) -> Result<Fate, ApplyError> {
        let answer = |error| ApplyError::answer(&object.id, "delete failed", error, &Value::Null);
        let (cluster, account) = (&self.inner.cluster, stale.account.as_ref());
        let ownership = cluster.ownership();
        if self.never_goes(&object.id, kind) {
            return Ok(Fate::Stays(Stays::Reserved));
        }
        let mut attempt = 1;
        loop {
            let seen = match cluster.metadata(kind, &object.id, account).await {
                // What the account may not even see was not applied by its hand, unless it was once.
                Err(error) if is_forbidden(&error) => match cluster.metadata(kind, &object.id, None).await {
                    Ok(live) if live.as_ref().is_none_or(|live| !stale.owner.owns(live, ownership)) => {
                        self.inner.memory.forget(&object.id, &stale.owner);
                        return Ok(Fate::Stays(Stays::Unseen));
                    }
                    _ => Err(error),
                },
                seen => seen,
            };
            let Some(live) = seen.map_err(answer)? else {
                self.inner.memory.forget(&object.id, &stale.owner);
                return Ok(Fate::Gone);
            };
            // An object that stays is no longer ours.
            self.inner.memory.forget(&object.id, &stale.owner);
            let owner = match goes_as(stale, &object.id, &live, ownership) {
                Ok(owner) => owner,
                Err(stays) => return Ok(Fate::Stays(stays)),
            };
            if !goes_on(&object.id) {
                return Err(ApplyError::Superseded);
            }
            // Another owner that takes it this moment wants to know what becomes of it.
            self.inner.memory.forget(&object.id, &owner);
            match cluster.delete(kind, &object.id, &live, account).await {
                Ok(Some(finalizers)) => return Ok(Fate::Goes(Expectation::gone(object.clone(), live.uid), finalizers)),
                Ok(None) => return Ok(Fate::Gone),
                Err(error) if again(&error, &mut attempt).await => {}
                Err(error) if is_forbidden(&error) && !stale.owner.owns(&live, ownership) => {
                    return Ok(Fate::Stays(Stays::of_another(&live, ownership)));
                }
                Err(error) => return Err(answer(error)),
            }
        }
    }

    /// Whether nothing is deleted under this name: the object is reserved, or the name is none of its kind, so that what the
    /// API would find is another object.
    pub(crate) fn never_goes(&self, id: &ObjectId, kind: &Kind) -> bool {
        self.inner.reserved.contains(id) || kind.namespaced == id.namespace.is_empty()
    }

    /// The kind of an object, as far as the cluster serves it.
    pub(crate) async fn kind(&self, object: &Versioned) -> Result<Option<Arc<Kind>>, ApplyError> {
        let found = self.inner.cluster.kind(&object.id.group, &object.version, &object.id.kind).await;
        found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))
    }

    /// The kind of an object that was applied once, as the cluster serves it now, in whichever version.
    pub(crate) async fn kind_now(&self, object: &Versioned) -> Result<Option<Arc<Kind>>, ApplyError> {
        let found = self.inner.cluster.kind_now(object).await;
        found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))
    }
}

/// As whose an object is deleted: as that of an owner who gave it up, or else of the one who prunes. Or why it is not.
pub(crate) fn goes_as(stale: &Stale, id: &ObjectId, live: &ObjectMeta, ownership: &Ownership) -> Result<Owner, Stays> {
    let named = Owner::of(live, ownership).filter(|owner| (stale.abandoned_by.0)(owner, id));
    let owner = named.unwrap_or_else(|| stale.owner.clone());
    why_stays(&owner, live, ownership).map_or(Ok(owner), Err)
}
