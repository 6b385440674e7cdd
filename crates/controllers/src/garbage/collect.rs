//! Decides on one object at a time: whether it is to go, and how.

use std::time::Duration;

use cowherd_runtime::{Error, Next};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DeleteParams;

use super::graph::{FOREGROUND, Node, ORPHAN};
use super::owner::{self, Owner};
use super::uid::Uid;
use super::{Context, write};

/// When to look again at an object whose owner's kind is not served.
const UNSERVED: Duration = Duration::from_secs(60);
/// When to look again while not all dependents are known.
const UNSYNCED: Duration = Duration::from_millis(100);

/// Looks at one object.
pub async fn reconcile(context: Context, uid: Uid) -> Result<Next, Error> {
    let Some(node) = context.graph.get(&uid) else { return Ok(Next::Wait) };
    if node.deleting && (node.orphan || node.foreground) && !context.resources.are_synced() {
        return Ok(Next::After(UNSYNCED));
    }
    if node.deleting && node.orphan {
        return release_dependents(&context, &uid, &node).await;
    }
    if node.waits() {
        return delete_dependents_first(&context, &uid, &node).await;
    }
    if node.deleting || node.owners.is_empty() {
        return Ok(Next::Wait);
    }
    collect(&context, &uid, &node).await
}

/// Deletes an object whose owners are all gone, or all but those that wait for it; where others are there, takes away
/// the references to both.
async fn collect(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    let (mut is_owned, mut is_awaited, mut past) = (false, false, Vec::new());
    for owner in &node.owners {
        match owner::state(context, node, owner).await? {
            Owner::Solid => is_owned = true,
            Owner::Waiting => {
                is_awaited = true;
                past.push(&owner.uid);
            }
            Owner::Gone => past.push(&owner.uid),
            Owner::Unserved => return Ok(Next::After(UNSERVED)),
            Owner::Impossible => return Ok(Next::Wait),
        }
    }
    if is_owned {
        if !past.is_empty() {
            write::owners(context, node, |owner| (!past.contains(&&owner.uid)).then(|| owner.clone())).await?;
        }
        return Ok(Next::Wait);
    }
    let dependents = context.graph.dependents(uid);
    if is_awaited && !dependents.is_empty() {
        // It may be its owner's owner: neither would ever go if each waited for the other.
        if dependents.iter().any(|(_, dependent)| dependent.waits()) {
            let unblocked =
                |owner: &OwnerReference| Some(OwnerReference { block_owner_deletion: Some(false), ..owner.clone() });
            write::owners(context, node, unblocked).await?;
        }
        return write::delete(context, uid, node, DeleteParams::foreground()).await;
    }
    // The finalizers say how whoever made the object wants it deleted.
    let params = match (node.orphan, node.foreground) {
        (true, _) => DeleteParams::orphan(),
        (_, true) => DeleteParams::foreground(),
        _ => DeleteParams::background(),
    };
    write::delete(context, uid, node, params).await
}

/// Asks the dependents to go, and lets the owner go when none of those that block it is left.
async fn delete_dependents_first(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    if context.graph.awaited(uid).is_empty() {
        write::without_finalizer(context, node, FOREGROUND).await?;
        return Ok(Next::Wait);
    }
    for (dependent, known) in context.graph.dependents(uid) {
        // Whoever waits for dependents of its own has been asked already.
        if !known.waits() {
            context.queue.add(dependent);
        }
    }
    Ok(Next::Wait)
}

/// Takes the owner's reference from its dependents, then lets the owner go.
async fn release_dependents(context: &Context, uid: &Uid, node: &Node) -> Result<Next, Error> {
    for (_, dependent) in context.graph.dependents(uid) {
        write::owners(context, &dependent, |owner| (Uid::from(&*owner.uid) != *uid).then(|| owner.clone())).await?;
    }
    write::without_finalizer(context, node, ORPHAN).await?;
    Ok(Next::Wait)
}
