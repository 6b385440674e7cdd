//! Requests to the Kubernetes API: one function for each.

mod discovery;

use std::sync::Arc;

use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::client::Body;
use kube::core::{PartialObjectMeta, Request, Status};
use kube::{Api, Client, Resource as _};
use serde_json::Value;

pub(crate) use discovery::Kind;
use discovery::Kinds;

use crate::clients::Clients;
use crate::object::{ObjectId, Versioned};
use crate::owner::Ownership;

/// What the user names of ServiceAccounts begin with.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The account on whose behalf requests are made, where somebody names one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// The user name, as `system:serviceaccount:<namespace>:<name>`.
    pub user: String,
}

impl Account {
    /// A ServiceAccount.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self { user: format!("{SERVICE_ACCOUNT}{namespace}:{name}") }
    }

    /// Namespace and name, if it is a ServiceAccount.
    pub fn as_service_account(&self) -> Option<(&str, &str)> {
        self.user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
    }
}

/// What the API answered to a patch.
pub(crate) struct Patched {
    /// Whether the object did not exist before.
    pub(crate) created: bool,
    /// The object as it is now, or, after a dry run, as it would be.
    pub(crate) object: Value,
}

/// A cluster and what is known of its kinds.
pub(crate) struct Cluster {
    clients: Clients,
    kinds: Kinds,
    ownership: Ownership,
}

impl Cluster {
    pub(crate) fn new(clients: Clients, ownership: Ownership) -> Self {
        Self { kinds: Kinds::new(clients.own.clone()), clients, ownership }
    }

    /// The client of what is asked on behalf of nobody else.
    pub(crate) fn client(&self) -> &Client {
        &self.clients.own
    }

    pub(crate) fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// The kind as the cluster serves it; `None` where it does not.
    pub(crate) async fn kind(&self, group: &str, version: &str, kind: &str) -> kube::Result<Option<Arc<Kind>>> {
        self.kinds.find(group, version, kind).await
    }

    /// The kind of an object that was applied in this version once, as the cluster serves it now, in whichever version; `None`
    /// where it serves none, so that no object of the kind is there either.
    pub(crate) async fn kind_now(&self, object: &Versioned) -> kube::Result<Option<Arc<Kind>>> {
        let ObjectId { group, kind, .. } = &object.id;
        match self.kinds.find(group, &object.version, kind).await? {
            Some(found) => Ok(Some(found)),
            None => self.kinds.find_any(group, kind).await,
        }
    }

    /// The API version in which the cluster serves a kind that it does not serve in the one that was asked for: another one of the
    /// group or, of Kubernetes' own kinds, one of the group where the kind is by now. `None` also where there is no answer.
    pub(crate) async fn served_as(&self, group: &str, kind: &str) -> Option<String> {
        let moved = cowherd_kinds::of_name(group, kind).map(|kind| kind.group).filter(|other| *other != group);
        let moved = moved.filter(|_| cowherd_api::supported::is_of_kubernetes(group));
        for group in [group].into_iter().chain(moved) {
            if let Ok(Some(found)) = self.kinds.find_any(group, kind).await {
                return Some(found.resource.api_version.clone());
            }
        }
        None
    }

    /// Applies `object` on the server, taking over fields of other managers, as Flux does.
    pub(crate) async fn apply(
        &self,
        kind: &Kind,
        id: &ObjectId,
        object: &Value,
        dry_run: bool,
        account: Option<&Account>,
    ) -> kube::Result<Patched> {
        let params = PatchParams { dry_run, ..PatchParams::apply(self.ownership.field_manager).force() };
        let patch = Patch::Apply(object);
        let request = request(kind, id).patch(&id.name, &params, &patch).map_err(kube::Error::BuildRequest)?;
        let (code, body) = self.send(request, account).await.map_err(|error| self.noted(kind, error))?;
        let object = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
        Ok(Patched { created: code == 201, object })
    }

    /// Changes the fields that are in `patch`.
    pub(crate) async fn merge(
        &self,
        kind: &Kind,
        id: &ObjectId,
        patch: &Value,
        account: Option<&Account>,
    ) -> kube::Result<()> {
        let params =
            PatchParams { field_manager: Some(self.ownership.field_manager.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let request = request(kind, id).patch(&id.name, &params, &patch).map_err(kube::Error::BuildRequest)?;
        self.send(request, account).await.map(drop)
    }

    /// Whether the API would take `object`, applied as it is but under a name of its own, were it new.
    pub(crate) async fn would_take_anew(
        &self,
        kind: &Kind,
        id: &ObjectId,
        object: &Value,
        account: Option<&Account>,
    ) -> kube::Result<()> {
        let name = format!("check-{:08x}", fastrand::u32(..));
        let mut object = object.clone();
        object["metadata"]["name"] = Value::String(name.clone());
        self.apply(kind, &ObjectId { name, ..id.clone() }, &object, true, account).await.map(drop)
    }

    /// The object, whole; `None` where there is none.
    pub(crate) async fn get(
        &self,
        kind: &Kind,
        id: &ObjectId,
        account: Option<&Account>,
    ) -> kube::Result<Option<Value>> {
        let request = request(kind, id).get(&id.name, &GetParams::default()).map_err(kube::Error::BuildRequest)?;
        match self.send(request, account).await {
            Ok((_, body)) => serde_json::from_slice(&body).map(Some).map_err(kube::Error::SerdeError),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.noted(kind, error)),
        }
    }

    /// The object's metadata; `None` where there is no such object.
    pub(crate) async fn metadata(
        &self,
        kind: &Kind,
        id: &ObjectId,
        account: Option<&Account>,
    ) -> kube::Result<Option<ObjectMeta>> {
        let request =
            request(kind, id).get_metadata(&id.name, &GetParams::default()).map_err(kube::Error::BuildRequest)?;
        match self.send(request, account).await {
            Ok((_, body)) => {
                let partial: PartialObjectMeta = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
                Ok(Some(partial.metadata))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.noted(kind, error)),
        }
    }

    /// Deletes the object that `seen` describes, and no other one of its name. The finalizers that it goes with only, once they
    /// are done; `None` where there was no object to delete.
    pub(crate) async fn delete(
        &self,
        kind: &Kind,
        id: &ObjectId,
        seen: &ObjectMeta,
        account: Option<&Account>,
    ) -> kube::Result<Option<Vec<String>>> {
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        let params = DeleteParams::background().preconditions(preconditions);
        let request = request(kind, id).delete(&id.name, &params).map_err(kube::Error::BuildRequest)?;
        match self.send(request, account).await {
            // What is gone is answered with a Status, what goes later with the object.
            Ok((_, body)) => {
                let left: Option<PartialObjectMeta> = serde_json::from_slice(&body).ok();
                Ok(Some(left.and_then(|left| left.metadata.finalizers).unwrap_or_default()))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.noted(kind, error)),
        }
    }

    /// Deletes the object with this uid, and what it owns as the policy says; whether there was one.
    pub(crate) async fn delete_as(
        &self,
        kind: &Kind,
        id: &ObjectId,
        uid: Option<String>,
        policy: PropagationPolicy,
        account: Option<&Account>,
    ) -> kube::Result<bool> {
        let preconditions = Some(Preconditions { uid, resource_version: None });
        let params = DeleteParams { propagation_policy: Some(policy), preconditions, ..DeleteParams::default() };
        let request = request(kind, id).delete(&id.name, &params).map_err(kube::Error::BuildRequest)?;
        match self.send(request, account).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.noted(kind, error)),
        }
    }

    /// The user that the API sees when a request is made on behalf of `account`.
    pub(crate) async fn seen_user(&self, account: &Account) -> kube::Result<String> {
        let review = serde_json::json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let body = serde_json::to_vec(&review).map_err(kube::Error::SerdeError)?;
        let request = Request::new("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .create(&kube::api::PostParams::default(), body)
            .map_err(kube::Error::BuildRequest)?;
        let (_, body) = self.send(request, Some(account)).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
        let user = answer.pointer("/status/userInfo/username").and_then(Value::as_str);
        Ok(user.unwrap_or_default().to_owned())
    }

    /// Whether the account, or who acts on behalf of none, may do what the attributes say, as the API sees it.
    pub(crate) async fn is_allowed(&self, attributes: Value, account: Option<&Account>) -> kube::Result<bool> {
        let review = serde_json::json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes } });
        let body = serde_json::to_vec(&review).map_err(kube::Error::SerdeError)?;
        let request = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .create(&kube::api::PostParams::default(), body)
            .map_err(kube::Error::BuildRequest)?;
        let (_, body) = self.send(request, account).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
        Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or_default())
    }

    /// Whether there is such an account. Of users that are none of the cluster's, nobody knows.
    pub(crate) async fn has_account(&self, account: &Account) -> kube::Result<bool> {
        let Some((namespace, name)) = account.as_service_account() else { return Ok(true) };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.clients.own.clone(), namespace);
        accounts.get_metadata_opt(name).await.map(|found| found.is_some())
    }

    /// What was known of a kind may be wrong when the API does not find it.
    fn noted(&self, kind: &Kind, error: kube::Error) -> kube::Error {
        if matches!(&error, kube::Error::Api(status) if status.is_not_found()) {
            self.kinds.forget(&kind.resource.group, &kind.resource.version);
        }
        error
    }

    async fn send(
        &self,
        mut request: http::Request<Vec<u8>>,
        account: Option<&Account>,
    ) -> kube::Result<(u16, Vec<u8>)> {
        let client = match account {
            None => &self.clients.applying,
            Some(account) => {
                let user =
                    http::HeaderValue::from_str(&account.user).map_err(|error| kube::Error::HttpError(error.into()))?;
                request.headers_mut().insert("impersonate-user", user);
                &self.clients.own
            }
        };
        let response = client.send(request.map(Body::from)).await?;
        let code = response.status();
        let body = response.into_body().collect().await?.to_bytes().to_vec();
        if code.is_success() {
            return Ok((code.as_u16(), body));
        }
        let status = serde_json::from_slice(&body).unwrap_or_else(|_| {
            Status::failure(&String::from_utf8_lossy(&body), code.canonical_reason().unwrap_or_default())
                .with_code(code.as_u16())
        });
        Err(kube::Error::Api(Box::new(status)))
    }
}

/// Whether the API answered that whoever asked may not do that.
pub(crate) fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}

/// Whether a request is one that the API does not take, or that cannot even be made, however often it is tried.
pub fn is_refused(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => (400..500).contains(&status.code) && !matches!(status.code, 408 | 409 | 429),
        kube::Error::HttpError(_) | kube::Error::BuildRequest(_) => true,
        _ => false,
    }
}

/// Whether the API answered that there is no such object. Of a path that it does not serve, as that of a version that it served
/// before, it says the same with no name: then nobody knows of the object.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.is_not_found() && status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}

/// Whether the API answered that the object was changed by someone else meanwhile.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}

fn request(kind: &Kind, id: &ObjectId) -> Request {
    let namespace = kind.namespaced.then_some(id.namespace.as_str());
    Request::new(kube::api::DynamicObject::url_path(&kind.resource, namespace))
}
