//! Finds applied objects that nobody acts upon.

use futures::{StreamExt, TryStreamExt, stream};
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
        let is_idle = |found: &Value| needs_a_controller(found) && !has_a_written_status(found);
        Ok(found.filter(is_idle).map(|_| object.id))
    }
}
