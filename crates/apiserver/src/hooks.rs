//! What follows from a write, in the same process and before the write is answered.

use std::sync::Arc;

use serde_json::Value;

use crate::{crd::CustomResource, object, resource::Resource, server::ApiServer};

/// Whether objects of the resource define resources.
pub fn defines(resource: &Resource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}

/// An object was made or changed.
pub fn written(server: &ApiServer, resource: &Arc<Resource>, new: &Value) {
    if defines(resource) {
        let name = object::name(new);
        match CustomResource::read(new) {
            Ok(definition) => server.define(name, Some(definition)),
            Err(errors) => tracing::error!(name, ?errors, "a definition was stored that cannot be served"),
        }
        if object::is_terminating(new) {
            crate::crd_cleanup::start(server, name);
        }
    }
}

/// An object is gone.
pub fn removed(server: &ApiServer, resource: &Arc<Resource>, old: &Value) {
    if defines(resource) {
        server.define(object::name(old), None);
    } else if resource.is("", "services") {
        server.addresses().release(old);
    }
}
