//! Which kinds live in namespaces, and where an object is that does not say so.

use std::collections::HashMap;

use cowherd_apply::Manifest;
use serde_json::Value;

/// Which kinds live in namespaces: those of Kubernetes, of Flux, and those that are defined.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    /// By group and kind.
    defined: HashMap<(String, String), bool>,
}

impl Scopes {
    /// Takes in a definition, if `object` is one.
    pub fn take(&mut self, object: &Value) {
        if object["kind"] != "CustomResourceDefinition" {
            return;
        }
        let spec = &object["spec"];
        if let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) {
            self.defined.insert((group.to_owned(), kind.to_owned()), spec["scope"] != "Cluster");
        }
    }

    /// Whether objects of this kind live in namespaces; `None` where nobody knows.
    pub fn is_namespaced(&self, group: &str, version: &str, kind: &str) -> Option<bool> {
        if let Some(kind) = cowherd_kinds::find_kind(group, version, kind) {
            return Some(kind.namespaced);
        }
        if group.ends_with(".toolkit.fluxcd.io") || group == "fluxcd.controlplane.io" {
            return Some(true);
        }
        self.defined.get(&(group.to_owned(), kind.to_owned())).copied()
    }

    /// Corrects where an object is: one of the cluster is in no namespace, another one that names none in `default`.
    pub fn place(&self, manifest: &mut Manifest, default: Option<&str>) {
        let (id, version) = (manifest.id(), &manifest.versioned().version);
        let is_placed = !id.namespace.is_empty();
        match (self.is_namespaced(&id.group, version, &id.kind), default) {
            (Some(false), _) if is_placed => manifest.set_namespace(""),
            (Some(true), Some(namespace)) if !is_placed => manifest.set_namespace(namespace),
            _ => {}
        }
    }
}
