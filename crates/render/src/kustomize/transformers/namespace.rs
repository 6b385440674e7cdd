//! `namespace`.

use serde::Deserialize;
use serde_json::Value;

use crate::kustomize::fields::field_path::{FieldSpec, Leaf, WalkError};
use crate::kustomize::objects::resource::Resource;
use crate::kustomize::objects::set::ResourceSet;

/// Namespaces that stand elsewhere than in an object's metadata.
pub(crate) static PLACES: [FieldSpec; 3] = [
    FieldSpec::new(["", "", "Namespace"], "metadata/name", true),
    FieldSpec::new(["apiregistration.k8s.io", "", "APIService"], "spec/service/namespace", true),
    FieldSpec::new(
        ["apiextensions.k8s.io", "", "CustomResourceDefinition"],
        "spec/conversion/webhook/clientConfig/service/namespace",
        false,
    ),
];

/// The subjects of role bindings that are in the new namespace, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Subjects {
    /// The service account `default`; others are found by their name.
    #[default]
    #[serde(rename = "defaultOnly", alias = "")]
    Default,
    /// Every service account.
    #[serde(rename = "allServiceAccounts")]
    All,
    #[serde(rename = "none")]
    None,
}

/// How namespaces are set.
pub(crate) struct Change<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) places: &'a [FieldSpec],
    pub(crate) subjects: Subjects,
    /// A namespace that is there stays.
    pub(crate) unset_only: bool,
}

/// Puts every object that belongs to a namespace into the one of `change`.
pub(crate) fn set(resources: &mut ResourceSet, change: &Change<'_>) -> Result<(), WalkError> {
    if change.namespace.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut() {
        resource.remember_id();
        change.apply(resource)?;
    }
    Ok(())
}

impl Change<'_> {
    /// Changes one object.
    pub(crate) fn apply(&self, resource: &mut Resource) -> Result<(), WalkError> {
        let stays = resource.is_cluster_scoped() || (self.unset_only && !resource.namespace().is_empty());
        if !stays {
            resource.set_namespace(self.namespace);
        }
        let binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.set_subjects(&mut resource.value);
        }
        let core = resource.api_version() == "v1";
        for place in self.places {
            let handled = match &*place.path {
                "metadata/namespace" => true,
                "metadata/name" => !core,
                "subjects/namespace" => binding && matches!(&*place.kind, "RoleBinding" | "ClusterRoleBinding"),
                _ => false,
            };
            if !handled {
                place.apply(resource, Leaf::Scalar, &mut |value| self.set(value))?;
            }
        }
        Ok(())
    }

    fn set(&self, value: &mut Value) -> Result<(), WalkError> {
        match value {
            Value::Object(_) | Value::Array(_) => Err("namespace field specs must target scalar nodes".into()),
            Value::String(text) if self.unset_only && !text.is_empty() => Ok(()),
            value => {
                *value = self.namespace.into();
                Ok(())
            }
        }
    }

    fn set_subjects(&self, binding: &mut Value) {
        let subjects = binding.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
            let concerned = match self.subjects {
                Subjects::None => false,
                Subjects::Default => subject.get("name").is_some_and(|name| name == "default"),
                Subjects::All => subject.get("kind").is_some_and(|kind| kind == "ServiceAccount"),
            };
            let has_one = subject.get("namespace").is_some_and(|namespace| namespace.as_str() != Some(""));
            if concerned && !(self.unset_only && has_one) {
                subject.insert("namespace".into(), self.namespace.into());
            }
        }
    }
}
