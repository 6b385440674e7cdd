//! What the collector writes. It looks at the object itself first: the graph may be late.

use cowherd_runtime::{Error, Next};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::Context;
use super::graph::Node;
use super::uid::Uid;

/// Deletes an object, if it still is the one that was judged and names the owners that were judged.
pub async fn delete(context: &Context, uid: &Uid, node: &Node, params: DeleteParams) -> Result<Next, Error> {
    let Some(api) = api(context, node) else { return Ok(Next::Wait) };
    let Some(found) = api.get_metadata_opt(&node.name).await? else { return Ok(Next::Wait) };
    if found.uid().as_deref().map(Uid::from).as_ref() != Some(uid) || found.owner_references() != &*node.owners {
        // The watch brings what it is now.
        return Ok(Next::Wait);
    }
    let preconditions = Preconditions { uid: found.uid(), resource_version: found.resource_version() };
    // Where it has changed meanwhile, the conflict brings it back here.
    api.delete(&node.name, &params.preconditions(preconditions)).await?;
    Ok(Next::Wait)
}

/// Changes or, where `change` gives nothing, removes references to owners, provided that the object has not changed
/// since it was read.
pub async fn owners(
    context: &Context,
    node: &Node,
    change: impl Fn(&OwnerReference) -> Option<OwnerReference>,
) -> Result<(), Error> {
    let Some(api) = api(context, node) else { return Ok(()) };
    let Some(found) = api.get_metadata_opt(&node.name).await? else { return Ok(()) };
    let owners: Vec<OwnerReference> = found.owner_references().iter().filter_map(change).collect();
    if owners == found.owner_references() {
        return Ok(());
    }
    let patch = json!({ "metadata": {
        "resourceVersion": found.resource_version(), "uid": found.uid(), "ownerReferences": owners,
    } });
    patch_metadata(&api, &node.name, patch).await
}

/// Removes a finalizer.
pub async fn without_finalizer(context: &Context, node: &Node, finalizer: &str) -> Result<(), Error> {
    let Some(api) = api(context, node) else { return Ok(()) };
    let Some(found) = api.get_metadata_opt(&node.name).await? else { return Ok(()) };
    let finalizers: Vec<&String> = found.finalizers().iter().filter(|name| *name != finalizer).collect();
    let patch = json!({ "metadata": {
        "resourceVersion": found.resource_version(), "uid": found.uid(), "finalizers": finalizers,
    } });
    patch_metadata(&api, &node.name, patch).await
}

async fn patch_metadata(api: &Api<DynamicObject>, name: &str, patch: serde_json::Value) -> Result<(), Error> {
    match api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn api(context: &Context, node: &Node) -> Option<Api<DynamicObject>> {
    let served = context.resources.get(&node.kind.api_version, &node.kind.kind)?;
    Some(served.api(&context.client, &node.namespace))
}
