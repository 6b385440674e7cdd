//! What the agents tell of their work while they do it.

use crate::NamespacedName;
use crate::owner::OwnerName;

/// How far an owner of objects is, a Kustomization say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace and name.
    pub name: NamespacedName,
    /// The revision that is being brought to the cluster.
    pub revision: String,
    /// What is happening.
    pub phase: Phase,
    /// The objects that it describes.
    pub applied: usize,
    /// Of these, the ones that were created or changed.
    pub changed: usize,
    /// The objects that were deleted.
    pub pruned: usize,
    /// The objects that are healthy, as far as that is checked.
    pub ready: usize,
}

impl Progress {
    /// Nothing was done yet.
    pub(crate) fn new(owner: &OwnerName, revision: &str, phase: Phase) -> Self {
        let (kind, name, revision) = (owner.kind.kind, owner.namespaced(), revision.to_owned());
        Self { kind, name, revision, phase, applied: 0, changed: 0, pruned: 0, ready: 0 }
    }
}

/// What is happening to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It cannot begin yet; why.
    Waiting(String),
    /// Its manifests are being made.
    Building,
    /// Its objects are being applied.
    Applying,
    /// Objects that are gone are being deleted.
    Pruning,
    /// Its objects are on their way to being healthy.
    Checking,
    /// It is as it should be.
    Ready,
    /// It failed, and is tried again; why.
    Failed(String),
    /// It was deleted.
    Gone,
}
