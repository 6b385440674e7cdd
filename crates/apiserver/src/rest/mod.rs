//! The verbs of resources.

mod binding;
mod create;
mod delete;
mod eviction;
mod finalize;
mod get;
mod incoming;
mod list;
mod options;
mod patch;
mod scale;
mod storage;
mod token;
mod unsupported;
mod update;
mod watch;

use std::sync::Arc;

use http::Method;

use crate::{
    answer::Answer,
    crd::CustomVersion,
    resource::Resource,
    route::ObjectRoute,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

pub use create::create_object;
pub use delete::delete_collection_of;
pub use incoming::document;
pub use list::everything;
pub use options::WriteOptions;
pub use storage::{Live, load, remove};
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

/// Answers a request for a resource.
pub async fn serve(server: &ApiServer, call: &Call, route: &ObjectRoute) -> ApiResult<Answer> {
    if let Some(answer) = crate::reviews::serve(server, call, route).await {
        return answer;
    }
    let catalog = server.catalog();
    let resource = catalog.find(&route.group_version, &route.resource).ok_or_else(ApiError::no_such_path)?.clone();
    if route.namespace.is_some() && !resource.namespaced {
        return Err(ApiError::no_such_path());
    }
    let name = route.name.as_deref().unwrap_or_default();
    let everywhere = resource.namespaced && route.namespace.is_none();
    if everywhere && (!name.is_empty() || !matches!(call.method, Method::GET | Method::HEAD | Method::DELETE)) {
        return Err(if name.is_empty() { ApiError::method_not_allowed() } else { ApiError::no_such_path() });
    }
    if let Some(why) = resource.custom_version().and_then(CustomVersion::unservable) {
        return Err(ApiError::internal(why));
    }
    let warning = resource.custom_version().and_then(|version| version.deprecation.clone());
    let request = Request {
        server,
        call,
        resource: resource.clone(),
        namespace: route.namespace.as_deref().unwrap_or_default(),
        name,
        subresource: route.subresource.as_deref(),
    };
    let answer = match request.subresource {
        Some(subresource) => subresource_verb(&request, subresource).await,
        None if route.watch => watch::watch(&request).await,
        None => verb(&request).await,
    }?;
    let shortcomings = unsupported::warnings(&resource, call);
    Ok(answer.with_warnings(warning).with_warnings(shortcomings))
}

async fn verb(request: &Request<'_>) -> ApiResult<Answer> {
    let allowed = |verb: &str| {
        let known = request.resource.verbs.iter().any(|known| known == verb);
        if known { Ok(()) } else { Err(ApiError::method_not_allowed()) }
    };
    let query = &request.call.query;
    match (&request.call.method, request.name) {
        (&Method::GET | &Method::HEAD, _) if query.flag("watch") => {
            allowed("watch")?;
            watch::watch(request).await
        }
        (&Method::GET | &Method::HEAD, "") => list::list(request).await,
        (&Method::GET | &Method::HEAD, _) => get::get(request).await,
        (&Method::POST, "") => create::create(request).await,
        (&Method::PUT, name) if !name.is_empty() => {
            allowed("update")?;
            update::update(request).await
        }
        (&Method::PATCH, name) if !name.is_empty() => {
            allowed("patch")?;
            patch::patch(request).await
        }
        (&Method::DELETE, "") => {
            allowed("deletecollection")?;
            delete::delete_collection(request).await
        }
        (&Method::DELETE, _) => delete::delete(request).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn subresource_verb(request: &Request<'_>, subresource: &str) -> ApiResult<Answer> {
    let resource = &request.resource;
    let core = resource.group_version.group.is_empty();
    match (subresource, resource.plural.as_str(), &request.call.method) {
        ("status", _, method) if resource.status => match *method {
            Method::GET | Method::HEAD => get::get(request).await,
            Method::PUT => update::update(request).await,
            Method::PATCH => patch::patch(request).await,
            _ => Err(ApiError::method_not_allowed()),
        },
        ("scale", ..) => scale::scale(request).await,
        ("finalize", "namespaces", &Method::PUT) if core => finalize::finalize(request).await,
        ("eviction", "pods", &Method::POST) if core => eviction::evict(request).await,
        ("binding", "pods", &Method::POST) if core => binding::bind(request).await,
        ("token", "serviceaccounts", &Method::POST) if core => token::token(request).await,
        ("log" | "exec" | "attach" | "portforward", "pods", _) if core => no_node(request, subresource).await,
        _ => Err(ApiError::no_such_path()),
    }
}

/// What only a node can answer.
async fn no_node(request: &Request<'_>, subresource: &str) -> ApiResult<Answer> {
    let pod = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    let node = crate::object::text_at(&pod.object, &["spec", "nodeName"]);
    Err(ApiError::bad_request(if node.is_empty() {
        format!("pod {} does not have a host assigned", request.name)
    } else {
        format!("pod {}: {subresource} is served by nodes, and node {node:?} cannot be reached", request.name)
    }))
}
