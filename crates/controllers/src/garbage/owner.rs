//! What is known of an owner that an object names.

use cowherd_runtime::Error;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;

use super::Context;
use super::graph::{FOREGROUND, Node};
use super::uid::Uid;

/// What is known of an owner that an object names.
pub enum Owner {
    /// It is there.
    Solid,
    /// It is being deleted in the foreground and waits for this object.
    Waiting,
    /// It is gone, or was never there.
    Gone,
    /// Its kind is not served in the version that is named. Nothing is deleted because of it.
    Unserved,
    /// It is in a namespace, by its kind, and the object is in none. Such an owner cannot be.
    Impossible,
}

/// Whether an owner is there: as the graph has it or, where the graph does not, as the API says.
pub async fn state(context: &Context, dependent: &Node, owner: &OwnerReference) -> Result<Owner, Error> {
    let Some(served) = context.resources.get(&owner.api_version, &owner.kind) else { return Ok(Owner::Unserved) };
    if served.namespaced && dependent.namespace.is_empty() {
        return Ok(Owner::Impossible);
    }
    if let Some(known) = context.graph.get(&Uid::from(&*owner.uid))
        && known.is_named_by(owner, dependent)
    {
        return Ok(if known.waits() { Owner::Waiting } else { Owner::Solid });
    }
    let namespace = if served.namespaced { dependent.namespace.to_string() } else { String::new() };
    let absentee =
        (owner.uid.clone(), owner.api_version.clone(), owner.kind.clone(), namespace.clone(), owner.name.clone());
    if context.graph.is_absent(&absentee) {
        return Ok(Owner::Gone);
    }
    match served.api(&context.client, &namespace).get_metadata_opt(&owner.name).await? {
        Some(found) if found.uid().as_deref() == Some(owner.uid.as_str()) => {
            let waits =
                found.metadata.deletion_timestamp.is_some() && cowherd_runtime::finalizers::has(&found, FOREGROUND);
            Ok(if waits { Owner::Waiting } else { Owner::Solid })
        }
        _ => {
            context.graph.note_absent(absentee);
            Ok(Owner::Gone)
        }
    }
}
