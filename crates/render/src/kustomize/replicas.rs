//! `replicas`.

use super::field_path::{FieldSpec, Leaf};
use super::file::Replica;
use super::set::ResourceSet;

const KINDS: [&str; 4] = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];

/// Sets the number of replicas of the objects with a name.
pub(crate) fn set(resources: &mut ResourceSet, replica: &Replica) -> Result<(), String> {
    let mut found = false;
    for resource in resources.iter_mut() {
        let kind = KINDS.into_iter().find(|kind| resource.ids().any(|id| id.name == replica.name && id.kind == *kind));
        let Some(kind) = kind else { continue };
        found = true;
        let place = FieldSpec { kind, path: "spec/replicas", create: true, ..FieldSpec::default() };
        place.apply(resource, Leaf::Scalar, &mut |value| {
            *value = replica.count.into();
            Ok(())
        })?;
    }
    if !found {
        return Err(format!("no {} has the name {:?}", KINDS.join(", "), replica.name));
    }
    Ok(())
}
