//! Single objects that belong to no set: they are written, looked at and deleted, and nothing is remembered of them.
//!
//! Hooks of releases are such objects, and what a release leaves out of its next revision.

use std::sync::Arc;

use kube::api::PropagationPolicy;
use serde_json::Value;

use crate::applier::Applier;
use crate::cluster::{Account, Kind};
use crate::error::ApplyError;
use crate::object::{Manifest, Versioned};
use crate::wait::Expectation;

/// What was tried of an object that could not even be seen.
const LOOKED: &str = "query failed";

impl ApplyError {
    /// Whether the API says that the object may not even be seen.
    pub fn is_unseen(&self) -> bool {
        matches!(self, Self::Refused { step: LOOKED, code: 403, .. })
    }
}

impl Applier {
    /// Applies an object by itself, taking over the fields of others. Whether it was not there before.
    ///
    /// # Errors
    /// When the API does not take it, or has not its kind.
    pub async fn apply_single(&self, manifest: &Manifest, account: Option<&Account>) -> Result<bool, ApplyError> {
        let kind = self.kind_or_error(manifest.versioned()).await?;
        let _permit = self.inner.requests.acquire().await;
        let applied = self.inner.cluster.apply(&kind, manifest.id(), manifest.object(), false, account).await;
        let applied =
            applied.map_err(|error| ApplyError::answer(manifest.id(), "apply failed", error, manifest.object()))?;
        Ok(applied.created)
    }

    /// What the object would be, were it applied.
    ///
    /// # Errors
    /// When the API would not take it, or has not its kind.
    pub async fn foresee_single(&self, manifest: &Manifest, account: Option<&Account>) -> Result<Value, ApplyError> {
        let kind = self.kind_or_error(manifest.versioned()).await?;
        let _permit = self.inner.requests.acquire().await;
        let foreseen = self.inner.cluster.apply(&kind, manifest.id(), manifest.object(), true, account).await;
        let foreseen =
            foreseen.map_err(|error| ApplyError::answer(manifest.id(), "dry-run failed", error, manifest.object()))?;
        Ok(foreseen.object)
    }

    /// The object as it is; `None` where there is none, or its kind is not served.
    ///
    /// # Errors
    /// When the API gives no answer, or the account may not see the object.
    pub async fn look(&self, object: &Versioned, account: Option<&Account>) -> Result<Option<Value>, ApplyError> {
        let Some(kind) = self.kind_now(object).await? else { return Ok(None) };
        let found = self.inner.cluster.get(&kind, &object.id, account).await;
        found.map_err(|error| ApplyError::answer(&object.id, LOOKED, error, &Value::Null))
    }

    /// Deletes the object if it is there and `goes`, by what it is at that moment. What can be waited for, if it was told to go.
    ///
    /// # Errors
    /// When the API does not confirm it.
    pub async fn delete_single(
        &self,
        object: &Versioned,
        account: Option<&Account>,
        propagation: Propagation,
        goes: impl Fn(&Value) -> bool,
    ) -> Result<Option<Expectation>, ApplyError> {
        let answer = |step| move |error| ApplyError::answer(&object.id, step, error, &Value::Null);
        let Some(kind) = self.kind_now(object).await? else { return Ok(None) };
        if self.never_goes(&object.id, &kind) {
            return Ok(None);
        }
        let _permit = self.inner.requests.acquire().await;
        let Some(live) = self.inner.cluster.get(&kind, &object.id, account).await.map_err(answer(LOOKED))? else {
            return Ok(None);
        };
        if !goes(&live) {
            return Ok(None);
        }
        let uid = live.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
        let policy = propagation.policy();
        let deleted = self.inner.cluster.delete_as(&kind, &object.id, uid.clone(), policy, account).await;
        Ok(deleted.map_err(answer("delete failed"))?.then(|| Expectation::gone(object.clone(), uid)))
    }

    /// What [`Applier::delete_single`] would do: whether it would delete the object; `None` where there is none. Nothing is written.
    ///
    /// # Errors
    /// When the API gives no answer, or the account may not see the object.
    pub async fn foresee_deletion(
        &self,
        object: &Versioned,
        account: Option<&Account>,
        goes: impl Fn(&Value) -> bool,
    ) -> Result<Option<bool>, ApplyError> {
        let Some(kind) = self.kind_now(object).await? else { return Ok(None) };
        let never_goes = self.never_goes(&object.id, &kind);
        Ok(self.look(object, account).await?.map(|live| !never_goes && goes(&live)))
    }

    async fn kind_or_error(&self, object: &Versioned) -> Result<Arc<Kind>, ApplyError> {
        match self.kind(object).await? {
            Some(kind) => Ok(kind),
            None => Err(self.unknown_kind(object).await),
        }
    }
}

/// What becomes of what an object owns when that is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// It goes afterwards.
    #[default]
    Background,
    /// It goes before.
    Foreground,
    /// It stays.
    Orphan,
}

impl Propagation {
    fn policy(self) -> PropagationPolicy {
        match self {
            Self::Background => PropagationPolicy::Background,
            Self::Foreground => PropagationPolicy::Foreground,
            Self::Orphan => PropagationPolicy::Orphan,
        }
    }
}
