//! The verbs of resources.

mod binding;
mod create;
mod delete;
mod eviction;
mod finalize;
mod get;
mod incoming;
mod list;
mod making;
mod options;
mod patch;
mod reading;
mod scale;
mod storage;
mod token;
mod unsupported;
mod update;
mod watch;

use std::sync::Arc;

use cowherd_schema::FieldError;
use http::StatusCode;

use crate::{
    action::{ObjectDeed, Verb},
    answer::Answer,
    authorization::{Grant, check_escalation},
    crd::CustomVersion,
    identity::User,
    resource::Resource,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

pub use create::{begun, create_object};
pub use delete::delete_collection_of;
pub use incoming::document;
pub use list::everything;
pub use options::WriteOptions;
pub use storage::{Live, live, load, read_failed, remove};
pub use update::change_internally;

/// One request for a resource.
pub struct Request<'a> {
    /// The server.
    pub server: &'a ApiServer,
    /// The request as it was read.
    pub call: &'a Call,
    /// The resource.
    pub resource: Arc<Resource>,
    /// The namespace; empty for resources outside namespaces and for all namespaces.
    pub namespace: &'a str,
    /// The object; empty for a collection.
    pub name: &'a str,
    /// What of the object.
    pub subresource: Option<&'a str>,
}

impl Request<'_> {
    /// The key of the object.
    pub fn key(&self) -> String {
        self.resource.key(self.namespace, self.name)
    }

    /// No such object.
    pub fn not_found(&self) -> ApiError {
        ApiError::not_found(self.resource.named(), self.name)
    }
}

/// Does something with a collection or an object.
pub async fn serve(server: &ApiServer, call: &Call, deed: &ObjectDeed) -> ApiResult<Answer> {
    let resource = deed.resource.clone();
    if let Some(why) = resource.custom_version().and_then(CustomVersion::unservable) {
        return Err(ApiError::internal(why));
    }
    let warning = resource.custom_version().and_then(|version| version.deprecation.clone());
    let request = Request {
        server,
        call,
        resource: resource.clone(),
        namespace: &deed.namespace,
        name: &deed.name,
        subresource: deed.subresource.as_deref(),
    };
    let answer = done(&request, deed.verb).await?;
    let shortcomings = unsupported::warnings(&resource, call);
    Ok(answer.with_warnings(warning).with_warnings(shortcomings))
}

async fn done(request: &Request<'_>, verb: Verb) -> ApiResult<Answer> {
    match verb {
        Verb::List => list::list(request).await,
        Verb::Watch => watch::watch(request).await,
        Verb::Get => get::get(request).await,
        Verb::Create => create::create(request).await,
        Verb::Update => update::update(request).await,
        Verb::Patch => patch::patch(request).await,
        Verb::Delete => delete::delete(request).await,
        Verb::DeleteCollection => delete::delete_collection(request).await,
        Verb::GetScale => scale::get(request).await,
        Verb::UpdateScale => scale::update(request).await,
        Verb::PatchScale => scale::patch(request).await,
        Verb::Finalize => finalize::finalize(request).await,
        Verb::Evict => eviction::evict(request).await,
        Verb::Bind => binding::bind(request).await,
        Verb::Token => token::token(request).await,
        Verb::AskNode => no_node(request).await,
    }
}

/// Refuses an object that the user may not give others, or that has mistakes. Who may not give what it gives is told that first, as
/// in Kubernetes; what else is to be said of what it gives comes after its mistakes.
async fn must_be_good(
    server: &ApiServer,
    user: &User,
    resource: &Resource,
    grant: &Grant<'_>,
    errors: &[FieldError],
) -> ApiResult<()> {
    let granted = check_escalation(server, user, resource, grant).await;
    match granted {
        Err(refused) if errors.is_empty() || refused.code() == StatusCode::FORBIDDEN => Err(refused),
        _ if errors.is_empty() => Ok(()),
        _ => Err(ApiError::invalid(resource.named_kind(), crate::object::name(grant.new), errors)),
    }
}

/// What only a node can answer.
async fn no_node(request: &Request<'_>) -> ApiResult<Answer> {
    let subresource = request.subresource.unwrap_or_default();
    let pod = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    let node = crate::object::text_at(&pod.object, &["spec", "nodeName"]);
    Err(ApiError::bad_request(if node.is_empty() {
        format!("pod {} does not have a host assigned", request.name)
    } else {
        format!("pod {}: {subresource} is served by nodes, and node {node:?} cannot be reached", request.name)
    }))
}
