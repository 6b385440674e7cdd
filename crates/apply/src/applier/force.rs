//! Recreates objects whose change the API refuses because a field cannot change.

use super::prepare::Work;
use super::takeover::again;
use super::{Applier, Desired};
use crate::cluster::{Kind, Patched, is_conflict};
use crate::error::ApplyError;
use crate::owner::{ENABLED, FORCE, SET_FORCE};
use crate::wait::Expectation;

impl Applier {
    /// Whether the object, which the API did not take as it is, may be deleted and created anew: that was asked for,
    /// and the API would take it if it were new. An object that is wrong in itself is never deleted.
    pub(super) async fn may_recreate(
        &self,
        desired: &Desired,
        kind: &Kind,
        work: &Work,
        error: kube::Error,
        step: &'static str,
    ) -> Result<(), ApplyError> {
        let wanted = desired.force || [FORCE, SET_FORCE].into_iter().any(|key| work.manifest.has(key, ENABLED));
        if wanted && may_be_immutable(&error) && self.would_be_taken_anew(desired, kind, work).await {
            return Ok(());
        }
        Err(ApplyError::answer(work.id(), step, error, work.manifest.object()))
    }

    async fn would_be_taken_anew(&self, desired: &Desired, kind: &Kind, work: &Work) -> bool {
        let (cluster, account) = (&self.inner.cluster, desired.account.as_ref());
        let exists = matches!(cluster.metadata(kind, work.id(), account).await, Ok(Some(_)));
        exists && cluster.would_take_anew(kind, work.id(), work.manifest.object(), account).await.is_ok()
    }

    /// Deletes the object and applies it again once it is gone.
    pub(super) async fn recreate(&self, desired: &Desired, kind: &Kind, work: &Work) -> Result<Patched, ApplyError> {
        let answer = |error| ApplyError::answer(work.id(), "recreation failed", error, work.manifest.object());
        let (cluster, account) = (&self.inner.cluster, desired.account.as_ref());
        let mut attempt = 1;
        while let Some(found) = cluster.metadata(kind, work.id(), account).await.map_err(answer)? {
            match cluster.delete(kind, work.id(), &found, account).await {
                Err(error) if again(&error, &mut attempt).await => continue,
                deleted => deleted.map_err(answer)?,
            };
            let gone = Expectation::gone(work.manifest.versioned().clone(), found.uid);
            self.wait_until_gone(&[gone], desired.timeout).await?;
            break;
        }
        self.send(desired, kind, work, false).await.map_err(answer)
    }
}

/// Whether the API may have refused a change because a field cannot change.
pub(super) fn may_be_immutable(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let says_so = status.message.contains("is immutable") || status.message.contains("immutable field");
    is_conflict(error) || status.code == 422 || says_so
}
