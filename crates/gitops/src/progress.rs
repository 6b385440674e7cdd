//! What the agents tell of their work while they do it.

use crate::NamespacedName;

/// How far a Kustomization is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The Kustomization.
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

/// What is happening to a Kustomization.
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
