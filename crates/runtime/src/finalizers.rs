//! Finalizers: what must be done before an object may go.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::json;

use crate::informer::Object;
use crate::{Error, Key, Writer};

/// Whether the object has a finalizer.
pub fn has<K: ResourceExt>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|name| name == finalizer)
}

/// Adds a finalizer, unless it is there; fails where the object has changed since it was read.
pub async fn add<K: Object + Serialize>(writer: &Writer<K>, object: &K, finalizer: &str) -> Result<(), Error> {
    if has(object, finalizer) {
        return Ok(());
    }
    let finalizers: Vec<&str> = object.finalizers().iter().map(String::as_str).chain([finalizer]).collect();
    set(writer, object, &finalizers).await
}

/// Takes a finalizer away, if it is there; fails where the object has changed since it was read.
pub async fn remove<K: Object + Serialize>(writer: &Writer<K>, object: &K, finalizer: &str) -> Result<(), Error> {
    if !has(object, finalizer) {
        return Ok(());
    }
    let finalizers: Vec<&str> =
        object.finalizers().iter().map(String::as_str).filter(|name| *name != finalizer).collect();
    match set(writer, object, &finalizers).await {
        // With its last finalizer the object may have gone.
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

async fn set<K: Object + Serialize>(writer: &Writer<K>, object: &K, finalizers: &[&str]) -> Result<(), Error> {
    let patch = json!({ "metadata": {
        "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": finalizers,
    } });
    let written = writer.patch(&Key::of(object), &PatchParams::default(), &Patch::Merge(patch)).await?;
    if written.meta().deletion_timestamp.is_some() && finalizers.is_empty() {
        writer.informer().remove(object);
    }
    Ok(())
}
