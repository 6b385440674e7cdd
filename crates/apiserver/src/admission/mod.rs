//! What must hold of an object beyond its own fields, and what the cluster adds to it.

mod definition;
mod namespace;
mod pod;
mod service;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    claims::Avoid,
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

pub use namespace::must_accept;

/// Prepares a new object. It gets nothing that is to be avoided.
pub async fn create(server: &ApiServer, resource: &Resource, object: &mut Value, avoid: &Avoid) -> ApiResult<()> {
    if resource.namespaced {
        namespace::must_accept(server, resource, object).await?;
    }
    match (resource.group_version.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => pod::prepare(server, resource, object).await?,
        ("", "services") => service::create(server, resource, object, avoid).await?,
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::create(object),
        _ => {}
    }
    Ok(())
}

/// Prepares a changed object. It gets nothing that is to be avoided.
pub async fn update(
    server: &ApiServer,
    resource: &Resource,
    new: &mut Value,
    old: &Value,
    avoid: &Avoid,
) -> ApiResult<()> {
    if resource.is("", "services") {
        service::update(server, resource, new, old, avoid).await?;
    }
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") && is_needed(server, resource, new) {
        definition::must_stay_served(resource, new, old)?;
    }
    Ok(())
}

/// Whether this control plane cannot do without the object.
fn is_needed(server: &ApiServer, resource: &Resource, object: &Value) -> bool {
    let name = crate::object::name(object);
    let is_this = |kept: &crate::Undeletable| resource.is(&kept.group, &kept.plural) && kept.name == name;
    server.config().undeletable.iter().any(is_this)
}

/// Writes what only the server says, after everything else; `now` is in RFC 3339.
pub fn settle(server: &ApiServer, resource: &Resource, object: &mut Value, now: &str) -> ApiResult<()> {
    if crate::crd::defines(resource) {
        definition::must_be_usable(resource, object)?;
        crate::crd::accept(object, server.catalog(), now);
    }
    Ok(())
}

/// Whether the object may be deleted at all.
pub fn delete(server: &ApiServer, resource: &Arc<Resource>, object: &Value) -> ApiResult<()> {
    let name = crate::object::name(object);
    if is_needed(server, resource, object) {
        let why = "this control plane needs it; it may not be deleted";
        return Err(ApiError::forbidden(resource.named(), name, why));
    }
    if resource.is("", "namespaces") && namespace::IMMORTAL.contains(&name) {
        return Err(ApiError::forbidden(resource.named(), name, "this namespace may not be deleted"));
    }
    Ok(())
}
