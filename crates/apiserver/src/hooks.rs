//! What follows from a write, in the same process and before the write is answered.

use std::sync::Arc;

use cowherd_store::Revision;
use serde_json::Value;

use crate::{crd::CustomResource, crd_lifecycle, object, resource::Resource, server::ApiServer};

/// Whether objects of the resource define resources.
pub fn defines(resource: &Resource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}

/// An object was made or changed.
pub fn written(server: &ApiServer, resource: &Arc<Resource>, new: &Value) {
    if defines(resource) {
        let name = object::name(new);
        match CustomResource::read(new) {
            Ok(definition) => server.define(name, definition),
            Err(errors) => tracing::error!(name, ?errors, "a definition was stored that cannot be served"),
        }
        if object::is_terminating(new) {
            crd_lifecycle::clean_up(server, name);
        }
    }
}

/// An object was changed.
pub fn changed(server: &ApiServer, resource: &Arc<Resource>, old: &Value, new: &Value) {
    if resource.is("", "services") {
        server.addresses().release_unused(old, new);
    }
}

/// An object is gone, as of that revision.
pub fn removed(server: &ApiServer, resource: &Arc<Resource>, old: &Value, revision: Revision) {
    if defines(resource) {
        server.undefine(object::name(old), revision);
        crd_lifecycle::accept_others(server);
    } else if resource.is("", "services") {
        server.addresses().release(old);
    }
}
