//! Decides on one object at a time: whether it is to go, and how.

use std::sync::PoisonError;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::Context;
use super::graph::{FOREGROUND, Node, ORPHAN, Uid};
use crate::Error;
use crate::queue::Next;

/// What is known of an owner that an object names.
enum Owner {
    /// It is there.
    Solid,
    /// It is being deleted in the foreground and waits for this object.
    Waiting,
    /// It is gone, or was never there.
    Gone,
}

/// Looks at one object.
pub async fn reconcile(context: Context, uid: Uid) -> Result<Next, Error> {
    let Some(node) = context.graph.get(&uid) else { return Ok(Next::Wait) };
    if node.deleting && node.orphan {
        return release_dependents(&context, &uid, &node).await;
    }
    if node.deleting && node.foreground {
        return delete_dependents_first(&context, &uid, &node).await;
    }
    if node.deleting || node.owners.is_empty() {
        return Ok(Next::Wait);
    }
    collect(&context, &uid, &node).await
}

/// Deletes an object whose owners are all gone, or all but those that wait for it; takes away references to
/// owners that are gone while others are there.
async fn collect(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    let (mut solid, mut waiting, mut gone) = (0, 0, Vec::new());
    for owner in &node.owners {
        match state_of(context, node, owner).await? {
            Owner::Solid => solid += 1,
            Owner::Waiting => waiting += 1,
            Owner::Gone => gone.push(owner.uid.clone()),
        }
    }
    if solid > 0 {
        if !gone.is_empty() || waiting > 0 {
            forget_owners(context, node, |owner| gone.contains(&owner.uid)).await?;
        }
        return Ok(Next::Wait);
    }
    let has_dependents = !context.graph.dependents(uid).is_empty();
    let params = if waiting > 0 && has_dependents {
        DeleteParams::foreground()
    } else if node.orphan {
        DeleteParams::orphan()
    } else {
        DeleteParams::background()
    };
    delete(context, uid, node, params).await
}

/// Whether an owner is there: as the graph has it or, where the graph does not know it, as the API says.
async fn state_of(context: &Context, node: &Node, owner: &OwnerReference) -> Result<Owner, Error> {
    if let Some(known) = context.graph.get(&owner.uid) {
        let same_place = known.namespace.is_empty() || known.namespace == node.namespace;
        if !same_place {
            return Ok(Owner::Gone);
        }
        return Ok(if known.deleting && known.foreground { Owner::Waiting } else { Owner::Solid });
    }
    let group = owner.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let Some(api) = api(context, group, &owner.kind, &node.namespace) else {
        // Of a kind that is not served nothing can be said, so nothing is deleted because of it.
        return Ok(Owner::Solid);
    };
    match api.get_metadata_opt(&owner.name).await? {
        Some(found) if found.uid().as_deref() == Some(owner.uid.as_str()) => Ok(Owner::Solid),
        _ => Ok(Owner::Gone),
    }
}

/// Asks the dependents to go, and lets the owner go when none of those that block it is left.
async fn delete_dependents_first(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    let dependents = context.graph.dependents(uid);
    let blocks = |dependent: &Node| dependent.owner(uid).is_some_and(|owner| owner.block_owner_deletion == Some(true));
    for (dependent, _) in &dependents {
        context.queue.add(dependent.clone());
    }
    if dependents.iter().any(|(_, dependent)| blocks(dependent)) {
        return Ok(Next::Wait);
    }
    remove_finalizer(context, node, FOREGROUND).await?;
    Ok(Next::Wait)
}

/// Takes the owner's reference from its dependents, then lets the owner go.
async fn release_dependents(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    for (_, dependent) in context.graph.dependents(uid) {
        forget_owners(context, &dependent, |owner| owner.uid == **uid).await?;
    }
    remove_finalizer(context, node, ORPHAN).await?;
    Ok(Next::Wait)
}

async fn delete(context: &Context, uid: &Uid, node: &Node, params: DeleteParams) -> Result<Next, Error> {
    let Some(api) = api_of(context, node) else { return Ok(Next::Wait) };
    let preconditions = Preconditions { uid: Some(uid.to_string()), resource_version: None };
    match api.delete(&node.name, &params.preconditions(preconditions)).await {
        Ok(_) => Ok(Next::Wait),
        // Another object has the name by now.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Next::Wait),
        Err(error) => Err(error.into()),
    }
}

/// Removes references to owners, provided that the object has not changed since it was read.
async fn forget_owners(context: &Context, node: &Node, forget: impl Fn(&OwnerReference) -> bool) -> Result<(), Error> {
    let Some(api) = api_of(context, node) else { return Ok(()) };
    let Some(found) = api.get_metadata_opt(&node.name).await? else { return Ok(()) };
    let owners: Vec<OwnerReference> = found.owner_references().iter().filter(|owner| !forget(owner)).cloned().collect();
    if owners.len() == found.owner_references().len() {
        return Ok(());
    }
    let patch = json!({ "metadata": {
        "resourceVersion": found.resource_version(), "uid": found.uid(), "ownerReferences": owners,
    } });
    patch_metadata(&api, &node.name, patch).await
}

async fn remove_finalizer(context: &Context, node: &Node, finalizer: &str) -> Result<(), Error> {
    let Some(api) = api_of(context, node) else { return Ok(()) };
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
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn api_of(context: &Context, node: &Node) -> Option<Api<DynamicObject>> {
    api(context, &node.kind.0, &node.kind.1, &node.namespace)
}

fn api(context: &Context, group: &str, kind: &str, namespace: &str) -> Option<Api<DynamicObject>> {
    let resources = context.resources.read().unwrap_or_else(PoisonError::into_inner);
    let watched = resources.get(&(group.to_owned(), kind.to_owned()))?;
    let client = context.client.clone();
    Some(if watched.namespaced {
        Api::namespaced_with(client, namespace, &watched.resource)
    } else {
        Api::all_with(client, &watched.resource)
    })
}
