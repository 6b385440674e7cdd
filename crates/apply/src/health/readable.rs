//! Whether an account may look at objects. Their health is seen by watches of our own, and told to whoever named them.

use serde_json::Value;

use crate::applier::Applier;
use crate::cluster::Account;
use crate::error::ApplyError;
use crate::object::Versioned;

impl Applier {
    /// Refuses objects that the account may not read, whether they are there or not. Without an account, nothing is
    /// refused.
    ///
    /// # Errors
    /// The answer of the API for the first that it refuses.
    pub async fn check_readable(&self, objects: &[Versioned], account: Option<&Account>) -> Result<(), ApplyError> {
        let Some(account) = account else { return Ok(()) };
        for object in objects {
            let Some(kind) = self.kind(object).await? else { continue };
            let _permit = self.inner.requests.acquire().await;
            let found = self.inner.cluster.get(&kind, &object.id, Some(account)).await;
            found.map_err(|error| ApplyError::answer(&object.id, "health check failed", error, &Value::Null))?;
        }
        Ok(())
    }
}
