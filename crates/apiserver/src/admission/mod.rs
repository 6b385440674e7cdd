//! What must hold of an object beyond its own fields, and what the cluster adds to it.

mod addresses;
mod definition;
mod namespace;
mod pod;
mod service;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

pub use addresses::{Addresses, Reserved};
pub use namespace::must_accept;

/// Prepares a new object. What it reserved is released again unless [`Reserved::keep`] is called.
pub async fn create(server: &ApiServer, resource: &Resource, object: &mut Value, dry_run: bool) -> ApiResult<Reserved> {
    if resource.namespaced {
        namespace::must_accept(server, resource, object).await?;
    }
    let mut reserved = Reserved::nothing();
    match (resource.group_version.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => namespace::prepare(object),
        ("", "pods") => pod::prepare(server, resource, object).await?,
        ("", "services") => reserved = service::create(server, resource, object)?,
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::create(object),
        _ => {}
    }
    // A dry run gives back at once what it would have taken.
    Ok(if dry_run { Reserved::nothing() } else { reserved })
}

/// Prepares a changed object. What it reserved is released again unless [`Reserved::keep`] is called.
pub fn update(server: &ApiServer, resource: &Resource, new: &mut Value, old: &Value) -> ApiResult<Reserved> {
    match (resource.group_version.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => namespace::keep_finalizers(new, old),
        ("", "services") => return service::update(server, resource, new, old),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition::default(new),
        _ => {}
    }
    Ok(Reserved::nothing())
}

/// Writes what only the server says, after everything else; `now` is in RFC 3339.
pub fn settle(server: &ApiServer, resource: &Resource, object: &mut Value, now: &str) -> ApiResult<()> {
    if crate::hooks::defines(resource) {
        definition::must_be_usable(resource, object)?;
        crate::crd::accept(object, &server.catalog(), now);
    }
    Ok(())
}

/// Whether the object may be deleted at all.
pub fn delete(server: &ApiServer, resource: &Arc<Resource>, object: &Value) -> ApiResult<()> {
    let name = crate::object::name(object);
    let is_this = |kept: &&crate::Undeletable| resource.is(&kept.group, &kept.plural) && kept.name == name;
    if server.config().undeletable.iter().any(|kept| is_this(&kept)) {
        let why = "this control plane needs it; it may not be deleted";
        return Err(ApiError::forbidden(resource.named(), name, why));
    }
    if resource.is("", "namespaces") && namespace::IMMORTAL.contains(&name) {
        return Err(ApiError::forbidden(resource.named(), name, "this namespace may not be deleted"));
    }
    Ok(())
}
