//! `namespace`.

use serde_json::Value;

use super::field_path::{FieldSpec, Leaf, WalkError};
use super::set::ResourceSet;

/// Namespaces that stand elsewhere than in an object's metadata.
const PLACES: [FieldSpec<'static>; 3] = [
    FieldSpec { group: "", version: "v1", kind: "Namespace", path: "metadata/name", create: true },
    FieldSpec {
        group: "apiregistration.k8s.io",
        version: "",
        kind: "APIService",
        path: "spec/service/namespace",
        create: true,
    },
    FieldSpec {
        group: "apiextensions.k8s.io",
        version: "",
        kind: "CustomResourceDefinition",
        path: "spec/conversion/webhook/clientConfig/service/namespace",
        create: false,
    },
];

/// Puts every object that belongs to a namespace into `namespace`.
pub(crate) fn set(resources: &mut ResourceSet, namespace: &str) -> Result<(), WalkError> {
    for resource in resources.iter_mut() {
        resource.remember_id();
        if !resource.is_cluster_scoped() {
            resource.set_namespace(namespace);
        }
        if matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding") {
            set_default_subjects(&mut resource.value, namespace);
        }
        for place in &PLACES {
            place.apply(resource, Leaf::Scalar, &mut |value| match value {
                Value::Object(_) | Value::Array(_) => Err("namespace field specs must target scalar nodes".into()),
                value => {
                    *value = namespace.into();
                    Ok(())
                }
            })?;
        }
    }
    Ok(())
}

/// Bindings of the service account `default` mean the one of the namespace; others are found by their name.
fn set_default_subjects(binding: &mut Value, namespace: &str) {
    let subjects = binding.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
        if subject.get("name").is_some_and(|name| name == "default") {
            subject.insert("namespace".into(), namespace.into());
        }
    }
}
