//! What tells an owner from all others.

use std::fmt;

use cowherd_apply::{ObjectId, Versioned};
use kube::ResourceExt;

use super::{OwnerKind, Owning};
use crate::NamespacedName;

/// The kind, namespace and name of an owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OwnerName {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: &'static OwnerKind,
}

impl OwnerName {
    /// The owner of this kind, namespace and name.
    pub(crate) fn new(kind: &'static OwnerKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into(), kind }
    }

    /// The name of an object that is an owner.
    pub(crate) fn of<K: Owning>(object: &K) -> Self {
        Self::new(K::KIND, object.namespace().unwrap_or_default(), object.name_any())
    }

    /// The owner that marks on an object of this kind of owners name.
    pub(crate) fn marked(kind: &'static OwnerKind, owner: cowherd_apply::Owner) -> Self {
        Self::new(kind, owner.namespace, owner.name)
    }

    /// As it is named on its objects.
    pub(crate) fn mark(&self) -> cowherd_apply::Owner {
        cowherd_apply::Owner::new(&self.namespace, &self.name)
    }

    /// The labels that its objects have.
    pub(crate) fn mark_labels(&self) -> [(&'static str, &str); 2] {
        let ownership = self.kind.ownership;
        [(ownership.name_label, &self.name), (ownership.namespace_label, &self.namespace)]
    }

    /// As an object that others describe.
    pub(crate) fn as_object(&self) -> Versioned {
        let (group, kind) = (self.kind.group.to_owned(), self.kind.kind.to_owned());
        let id = ObjectId { namespace: self.namespace.clone(), name: self.name.clone(), group, kind };
        Versioned { id, version: self.kind.version.to_owned() }
    }

    /// Its namespace and name.
    pub(crate) fn namespaced(&self) -> NamespacedName {
        NamespacedName::new(&self.namespace, &self.name)
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
