//! Deletes what is no longer described.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::Applier;
use super::takeover::again;
use crate::change::{Action, ChangeSet};
use crate::cluster::{Account, Kind, is_forbidden};
use crate::error::{ApplyError, Partial};
use crate::memory::{has, is_excluded};
use crate::object::{ObjectId, Versioned};
use crate::order;
use crate::owner::{DISABLED, Owner, Ownership, PRUNE};
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
}

impl Applier {
    /// Deletes the objects in the reverse of the order in which they were applied.
    ///
    /// # Errors
    /// Every object is tried. An object whose deletion the API did not confirm is not among the changes that the
    /// error tells of, and belongs into the inventory still.
    pub async fn prune(&self, stale: &Stale) -> Result<Pruned, Partial> {
        let mut objects = stale.objects.clone();
        objects.sort_by(|a, b| order::compare(&b.id, &a.id));
        let mut pruned = Pruned::default();
        let mut errors = Vec::new();
        for object in objects {
            match self.prune_one(stale, &object).await {
                Ok((action, leaving)) => {
                    pruned.changes.push(object, action);
                    pruned.leaving.extend(leaving);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(pruned) } else { Err(Partial::new(ApplyError::Several(errors), pruned.changes)) }
    }

    async fn prune_one(&self, stale: &Stale, object: &Versioned) -> Result<(Action, Option<Expectation>), ApplyError> {
        if self.inner.reserved.contains(&object.id) {
            return Ok((Action::Skipped, None));
        }
        let answer = |error| ApplyError::answer(&object.id, "delete failed", error, &Value::Null);
        let _permit = self.inner.requests.acquire().await;
        let (cluster, account) = (&self.inner.cluster, stale.account.as_ref());
        let ownership = cluster.ownership();
        let found = cluster.kind(&object.id.group, &object.version, &object.id.kind).await.map_err(answer)?;
        // With its kind every object is gone too.
        let Some(kind) = found else { return Ok((Action::Deleted, None)) };
        // Such an entry names nothing; what the API would find under its name is another object.
        if kind.namespaced == object.id.namespace.is_empty() {
            return Ok((Action::Skipped, None));
        }
        let mut attempt = 1;
        loop {
            let seen = match cluster.metadata(&kind, &object.id, account).await {
                // What the account may not even see was not applied by its hand, unless it was once.
                Err(error) if is_forbidden(&error) => match cluster.metadata(&kind, &object.id, None).await {
                    Ok(Some(live)) if !stale.owner.owns(&live, ownership) => return Ok((Action::Skipped, None)),
                    Ok(None) => Ok(None),
                    _ => Err(error),
                },
                seen => seen,
            };
            let Some(live) = seen.map_err(answer)? else {
                self.inner.memory.forget(&object.id, &stale.owner);
                return Ok((Action::Deleted, None));
            };
            let is_abandoned =
                Owner::of(&live, ownership).is_some_and(|owner| (stale.abandoned_by.0)(&owner, &object.id));
            let owner = Owner::of(&live, ownership).filter(|_| is_abandoned).unwrap_or_else(|| stale.owner.clone());
            if stays(&owner, &live, ownership) {
                // An object that stays is no longer ours.
                self.inner.memory.forget(&object.id, &stale.owner);
                return Ok((Action::Skipped, None));
            }
            // Another owner that takes it this moment wants to know what becomes of it.
            self.inner.memory.forget(&object.id, &stale.owner);
            self.inner.memory.forget(&object.id, &owner);
            match cluster.delete(&kind, &object.id, &live, account).await {
                Ok(_) => {
                    return Ok((Action::Deleted, Some(Expectation::gone(object.clone(), live.uid))));
                }
                Err(error) if again(&error, &mut attempt).await => {}
                Err(error) if is_forbidden(&error) && !stale.owner.owns(&live, ownership) => {
                    return Ok((Action::Skipped, None));
                }
                Err(error) => return Err(answer(error)),
            }
        }
    }

    /// The kind of an object, as far as the cluster serves it.
    pub(crate) async fn kind(&self, object: &Versioned) -> Result<Option<std::sync::Arc<Kind>>, ApplyError> {
        let found = self.inner.cluster.kind(&object.id.group, &object.version, &object.id.kind).await;
        found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))
    }
}

/// Whether an object stays although it is no longer described: it says so, or it belongs to someone else.
pub(crate) fn stays(owner: &Owner, live: &ObjectMeta, ownership: &Ownership) -> bool {
    !owner.owns(live, ownership) || has(live, PRUNE, DISABLED) || is_excluded(live)
}
