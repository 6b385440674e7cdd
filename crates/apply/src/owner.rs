//! Whose objects are whose: the labels that owners put on what they apply.

use std::fmt;

use cowherd_api::flux::annotations::FIELD_MANAGER;
pub(crate) use cowherd_api::flux::annotations::{
    DISABLED, ENABLED, FORCE, PRUNE, RECONCILE, SET_FORCE, SET_PRUNE, SSA,
};
pub use cowherd_api::flux::annotations::{OWNER_NAME, OWNER_NAMESPACE};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(crate) const SSA_IGNORE: &str = "Ignore";
pub(crate) const SSA_MERGE: &str = "Merge";
pub(crate) const SSA_IF_NOT_PRESENT: &str = "IfNotPresent";

/// How the owners of one kind show that objects are theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The label with the name of the owner.
    pub name_label: &'static str,
    /// The label with the namespace of the owner.
    pub namespace_label: &'static str,
    /// The name under which the fields of the objects are owned.
    pub field_manager: &'static str,
    /// Whether what people wrote with kubectl is taken over, and goes where nobody describes it, as with Flux's Kustomizations; Helm
    /// leaves it.
    pub takes_over: bool,
}

impl Default for Ownership {
    /// That of Kustomizations.
    fn default() -> Self {
        Self {
            name_label: OWNER_NAME,
            namespace_label: OWNER_NAMESPACE,
            field_manager: FIELD_MANAGER,
            takes_over: true,
        }
    }
}

/// Who applies a set of objects, among the owners of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Owner {
    /// The owner of this namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The owner whose labels an object has, if it has any.
    pub(crate) fn of(metadata: &ObjectMeta, ownership: &Ownership) -> Option<Self> {
        let label = |key: &str| metadata.labels.as_ref()?.get(key).cloned();
        Some(Self { namespace: label(ownership.namespace_label)?, name: label(ownership.name_label)? })
    }

    /// The labels that everything it applies has.
    pub(crate) fn labels(&self, ownership: &Ownership) -> [(&'static str, &str); 2] {
        [(ownership.name_label, &self.name), (ownership.namespace_label, &self.namespace)]
    }

    /// Whether an object has the labels of this owner.
    pub fn owns(&self, metadata: &ObjectMeta, ownership: &Ownership) -> bool {
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
        self.labels(ownership).iter().all(|(key, value)| label(key) == Some(value))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_of_the_owner_whose_two_labels_it_has() {
        let ownership = Ownership::default();
        let metadata = |labels: serde_json::Value| serde_json::from_value(json!({ "labels": labels })).unwrap();
        let owner = Owner::new("flux-system", "apps");
        assert_eq!(owner.to_string(), "flux-system/apps");
        let whole: ObjectMeta = metadata(json!({ OWNER_NAME: "apps", OWNER_NAMESPACE: "flux-system", "app": "web" }));
        assert_eq!(Owner::of(&whole, &ownership), Some(owner.clone()));
        assert!(owner.owns(&whole, &ownership));
        for (labels, of) in [
            (json!({ OWNER_NAME: "apps" }), None),
            (json!({ OWNER_NAMESPACE: "flux-system" }), None),
            (json!({}), None),
            (serde_json::Value::Null, None),
            (json!({ OWNER_NAME: "other", OWNER_NAMESPACE: "flux-system" }), Some(Owner::new("flux-system", "other"))),
            (json!({ OWNER_NAME: "apps", OWNER_NAMESPACE: "other" }), Some(Owner::new("other", "apps"))),
        ] {
            let metadata: ObjectMeta = metadata(labels);
            assert!(!owner.owns(&metadata, &ownership), "{of:?}");
            assert_eq!(Owner::of(&metadata, &ownership), of);
        }
    }
}
