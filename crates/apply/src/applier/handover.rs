//! Gives an object to another owner that describes it too, before that one applies it.
//!
//! Who leaves an object to another one is soon gone itself, and then nobody could tell any more whose the object is. So
//! its labels say it at once, and whatever happens next, the heir finds an object that is its own.

use serde_json::{Map, Value, json};

use super::Applier;
use crate::cluster::{Account, is_missing, is_refused};
use crate::error::ApplyError;
use crate::object::Versioned;
use crate::owner::{Owner, Ownership};

use super::stays::why_stays;
use super::takeover::again;

/// Who gets an object.
#[derive(Clone, Debug)]
pub struct Heir {
    /// Whose it becomes.
    pub owner: Owner,
    /// How owners of its kind show that objects are theirs.
    pub ownership: Ownership,
    /// On whose behalf it would apply the object; by default that of [`Clients::applying`](crate::Clients::applying).
    pub account: Option<Account>,
}

impl Applier {
    /// What happens to an object of `owner` from now on is not its business: somebody else has it.
    pub fn forget(&self, owner: &Owner, object: &Versioned) {
        self.inner.memory.forget(&object.id, owner);
    }

    /// Makes an object of `owner` one of the heir, with the heir's own rights: an object that the API does not let the heir
    /// write is not left to it. Whether the object is left as it is: because the heir has it now, or because it was not the
    /// owner's to give.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn hand_over(&self, owner: &Owner, object: &Versioned, heir: &Heir) -> Result<bool, ApplyError> {
        if self.inner.reserved.contains(&object.id) {
            return Ok(true);
        }
        let answer = |error| ApplyError::answer(&object.id, "handover failed", error, &Value::Null);
        let _permit = self.inner.requests.acquire().await;
        let cluster = &self.inner.cluster;
        let Some(kind) = self.kind_now(object).await? else { return Ok(true) };
        if kind.namespaced == object.id.namespace.is_empty() {
            return Ok(true);
        }
        let mut attempt = 1;
        loop {
            let Some(live) = cluster.metadata(&kind, &object.id, None).await.map_err(answer)? else { return Ok(true) };
            if why_stays(owner, &live, cluster.ownership()).is_some() {
                return Ok(true);
            }
            // What happens to it from now on is not the owner's business.
            self.inner.memory.forget(&object.id, owner);
            // The labels of an owner of another kind have other names.
            let former = owner.labels(cluster.ownership()).map(|(key, _)| (key.to_owned(), Value::Null));
            let new = heir.owner.labels(&heir.ownership).map(|(key, value)| (key.to_owned(), json!(value)));
            let labels: Map<String, Value> = former.into_iter().chain(new).collect();
            let patch = json!({ "metadata": { "labels": labels, "resourceVersion": live.resource_version } });
            match cluster.merge(&kind, &object.id, &patch, heir.account.as_ref()).await {
                Ok(()) => return Ok(true),
                Err(error) if is_missing(&error) => return Ok(true),
                Err(error) if again(&error, &mut attempt).await => {}
                // Whatever it is that keeps the heir from it keeps nobody else from anything.
                Err(error) if is_refused(&error) => return Ok(false),
                Err(error) => return Err(answer(error)),
            }
        }
    }
}
