//! Namespaces: objects can only be made in one that exists and stays.

use serde_json::Value;

use crate::{
    object,
    resource::Resource,
    rest,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
};

/// The namespaces that cannot be deleted.
pub const IMMORTAL: &[&str] = &["default", "kube-system", "kube-public"];

const NAMESPACES: Named<'static> = Named { group: "", name: "namespaces" };

/// Refuses an object whose namespace is not there, or is about to go.
pub async fn must_accept(server: &ApiServer, resource: &Resource, object: &Value) -> ApiResult<()> {
    let name = object::namespace(object);
    let namespaces = server.built_in("", "v1", "namespaces")?;
    let namespace = rest::load(server, &namespaces, &namespaces.key("", name)).await?;
    let namespace = namespace.ok_or_else(|| ApiError::not_found(NAMESPACES, name))?.object;
    if !object::is_terminating(&namespace) {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let message = format!("namespace {name} is being terminated");
    Err(ApiError::forbidden(resource.named(), object::name(object), why).with_cause(
        "NamespaceTerminating",
        &message,
        Some("metadata.namespace"),
    ))
}
