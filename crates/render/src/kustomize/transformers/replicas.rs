//! `replicas`.

use crate::kustomize::fields::field_path::{FieldSpec, Leaf};
use crate::kustomize::files::file::Replica;
use crate::kustomize::objects::set::ResourceSet;

const fn of(kind: &'static str) -> FieldSpec {
    FieldSpec::new(["", "", kind], "spec/replicas", true)
}

/// What has replicas.
pub(crate) static PLACES: [FieldSpec; 4] =
    [of("Deployment"), of("ReplicationController"), of("ReplicaSet"), of("StatefulSet")];

/// Sets the number of replicas of the objects with a name.
pub(crate) fn set(resources: &mut ResourceSet, replica: &Replica, places: &[FieldSpec]) -> Result<(), String> {
    let mut found = false;
    for resource in resources.iter_mut() {
        for place in places {
            let meant = |resource: &crate::kustomize::objects::resource::Resource| {
                resource.ids().any(|id| id.name == replica.name && place.fits(id.group, id.version, id.kind))
            };
            if !meant(resource) {
                continue;
            }
            found = true;
            place.apply(resource, Leaf::Scalar, &mut |value| {
                *value = replica.count.into();
                Ok(())
            })?;
        }
    }
    if !found {
        let kinds: Vec<&str> = places.iter().map(|place| &*place.kind).collect();
        return Err(format!("no {} has the name {:?}", kinds.join(", "), replica.name));
    }
    Ok(())
}
