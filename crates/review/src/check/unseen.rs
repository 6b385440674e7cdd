//! What brings objects of which the repository does not say which they are: charts and sources from elsewhere.

use crate::cluster::{Cluster, State};
use crate::gitops::NamespacedName;

use super::{charts, releases};

/// Who brings objects to a cluster that are not seen here, by name.
pub(super) struct Unseen(Vec<String>);

impl Unseen {
    /// Those of a cluster, of whose releases these are `released` from the repository.
    pub(super) fn of(cluster: &Cluster, released: &[charts::Release<'_>]) -> Self {
        let mut bring = Vec::new();
        for unit in cluster.units.values().filter(|unit| unit.target().is_none()) {
            if matches!(unit.state, State::Elsewhere(_)) {
                bring.push(format!("Kustomization {}", unit.name));
            }
            let all = unit.objects().iter().filter(|object| releases::is_release(object)).map(|object| object.id());
            let names = all.map(|id| NamespacedName::new(&id.namespace, &id.name));
            let unrendered = names.filter(|name| !released.iter().any(|release| release.name() == *name));
            bring.extend(unrendered.map(|name| format!("HelmRelease {name}")));
            let sets = unit.sets.unforeseen.iter().map(|(set, _)| NamespacedName::new(&set.namespace, &set.name));
            bring.extend(sets.map(|name| format!("ResourceSet {name}")));
        }
        Self(bring)
    }

    /// Who may bring what is missed; nothing where all that comes is seen.
    pub(super) fn may_bring(&self) -> Option<String> {
        /// How many are named.
        const NAMED: usize = 3;
        (!self.0.is_empty()).then(|| cowherd_text::listed(&self.0, NAMED))
    }
}
