//! Whose objects are whose: the labels that Flux puts on what it applies.

use std::fmt;

pub(crate) use cowherd_api::flux::annotations::{DISABLED, ENABLED, FORCE, PRUNE, RECONCILE, SSA};
pub use cowherd_api::flux::annotations::{OWNER_NAME, OWNER_NAMESPACE};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(crate) const SSA_IGNORE: &str = "Ignore";
pub(crate) const SSA_MERGE: &str = "Merge";
pub(crate) const SSA_IF_NOT_PRESENT: &str = "IfNotPresent";

/// Who applies a set of objects: a Kustomization.
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
    pub(crate) fn of(metadata: &ObjectMeta) -> Option<Self> {
        let label = |key: &str| metadata.labels.as_ref()?.get(key).cloned();
        Some(Self { namespace: label(OWNER_NAMESPACE)?, name: label(OWNER_NAME)? })
    }

    /// The labels that everything it applies has.
    pub(crate) fn labels(&self) -> [(&str, &str); 2] {
        [(OWNER_NAME, &self.name), (OWNER_NAMESPACE, &self.namespace)]
    }

    /// Whether an object has the labels of this owner.
    pub(crate) fn owns(&self, metadata: &ObjectMeta) -> bool {
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
        self.labels().iter().all(|(key, value)| label(key) == Some(value))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
