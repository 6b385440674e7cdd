//! What an account may do, and whose an object is: what is known of others is worth nothing without that.

use kube::api::ApiResource;
use serde_json::{Value, json};

use super::Applier;
use crate::cluster::{Account, Kind, is_refused};
use crate::error::ApplyError;
use crate::object::Versioned;
use crate::owner::Owner;

impl Applier {
    /// Whether the account may write the object, be it there or not. Without an account everything may be done, but by a guest, and
    /// nothing on behalf of an account for which the API takes no requests.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn may_write(&self, object: &Versioned, account: Option<&Account>) -> Result<bool, ApplyError> {
        self.may("patch", object, account).await
    }

    /// Whether the account may delete the object.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn may_delete(&self, object: &Versioned, account: Option<&Account>) -> Result<bool, ApplyError> {
        self.may("delete", object, account).await
    }

    /// Whether the account may look at the object.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn may_read(&self, object: &Versioned, account: Option<&Account>) -> Result<bool, ApplyError> {
        self.may("get", object, account).await
    }

    /// Whether the account may see which objects of the kind there are, in a namespace or, with an empty one, in all.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn may_list(
        &self,
        resource: &ApiResource,
        namespace: &str,
        account: Option<&Account>,
    ) -> kube::Result<bool> {
        let what =
            json!({ "verb": "list", "group": resource.group, "resource": resource.plural, "namespace": namespace });
        self.is_allowed(what, account).await
    }

    async fn may(&self, verb: &str, object: &Versioned, account: Option<&Account>) -> Result<bool, ApplyError> {
        let Some(kind) = self.kind(object).await? else { return Ok(true) };
        let Kind { resource, .. } = kind.as_ref();
        let what = json!({ "verb": verb, "group": resource.group, "resource": resource.plural,
            "namespace": object.id.namespace, "name": object.id.name });
        let allowed = self.is_allowed(what, account).await;
        allowed.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))
    }

    async fn is_allowed(&self, what: Value, account: Option<&Account>) -> kube::Result<bool> {
        if account.is_none() && !self.inner.is_guest {
            return Ok(true);
        }
        let _permit = self.inner.requests.acquire().await;
        match self.inner.cluster.is_allowed(what, account).await {
            Err(error) if is_refused(&error) => Ok(false),
            allowed => allowed,
        }
    }

    /// Whether the object is there, and one of the owner by its labels. Those only who may write it can set.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn is_of(&self, object: &Versioned, owner: &Owner) -> Result<bool, ApplyError> {
        let Some(kind) = self.kind(object).await? else { return Ok(false) };
        if self.never_goes(&object.id, &kind) {
            return Ok(false);
        }
        let _permit = self.inner.requests.acquire().await;
        let found = self.inner.cluster.metadata(&kind, &object.id, None).await;
        let found = found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))?;
        Ok(found.is_some_and(|live| owner.owns(&live, self.inner.cluster.ownership())))
    }
}
