//! Finds applied objects that nobody acts upon.

use std::future::pending;

use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::wait::await_condition;
use serde_json::Value;

use super::actors::{has_a_written_status, needs_a_controller};
use crate::applier::Applier;
use crate::cluster::Account;
use crate::error::ApplyError;
use crate::object::{ObjectId, Versioned};

/// How many objects are asked for at the same time.
const AT_ONCE: usize = 8;

impl Applier {
    /// Those of the objects that nobody acts upon, in the order of their ids. An object is asked for only if its kind
    /// has no controller that is known.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn idle<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Versioned>,
        account: Option<&Account>,
    ) -> Result<Vec<ObjectId>, ApplyError> {
        // What no kind at all can lack is known without a question.
        let suspect = |object: &&Versioned| self.inner.actors.may_lack(&object.id.group, &object.id.kind, true);
        let objects: Vec<Versioned> = objects.into_iter().filter(suspect).cloned().collect();
        let account = account.cloned();
        let questions = objects.into_iter().map(|object| self.clone().idle_one(object, account.clone()));
        let found: Vec<Option<ObjectId>> = stream::iter(questions).buffered(AT_ONCE).try_collect().await?;
        let mut idle: Vec<ObjectId> = found.into_iter().flatten().collect();
        idle.sort();
        Ok(idle)
    }

    async fn idle_one(self, object: Versioned, account: Option<Account>) -> Result<Option<ObjectId>, ApplyError> {
        let Some(kind) = self.kind(&object).await? else { return Ok(None) };
        if !self.inner.actors.may_lack(&object.id.group, &object.id.kind, kind.has_status) {
            return Ok(None);
        }
        let _permit = self.inner.requests.acquire().await;
        let found = self.inner.cluster.get(&kind, &object.id, account.as_ref()).await;
        let found = found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))?;
        Ok(found.filter(is_idle).map(|_| object.id))
    }

    /// Completes when one of the objects has come, and nobody acts upon it; never, where none of them is of such a kind.
    pub async fn until_idle(&self, objects: &[Versioned]) -> ObjectId {
        let mut coming: FuturesUnordered<_> = objects.iter().map(|object| self.until_one_is_idle(object)).collect();
        while let Some(came) = coming.next().await {
            if let Some(id) = came {
                return id;
            }
        }
        pending().await
    }

    async fn until_one_is_idle(&self, object: &Versioned) -> Option<ObjectId> {
        let Versioned { id, .. } = object;
        let kind = self.kind(object).await.ok()??;
        if !self.inner.actors.may_lack(&id.group, &id.kind, kind.has_status) {
            return None;
        }
        let client = self.inner.cluster.client().clone();
        let api: Api<DynamicObject> = if kind.namespaced {
            Api::namespaced_with(client, &id.namespace, &kind.resource)
        } else {
            Api::all_with(client, &kind.resource)
        };
        let is_there = |found: Option<&DynamicObject>| {
            found.is_some_and(|found| serde_json::to_value(found).is_ok_and(|found| is_idle(&found)))
        };
        await_condition(api, &id.name, is_there).await.ok().map(|_| id.clone())
    }
}

/// Whether nobody acts upon an object, which is of a kind of which that may be so.
fn is_idle(object: &Value) -> bool {
    needs_a_controller(object) && !has_a_written_status(object)
}
