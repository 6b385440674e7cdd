//! What brings objects of which the repository does not say which they are: charts and sources from elsewhere.

use crate::cluster::{Cluster, State};
use crate::gitops::NamespacedName;

use super::{charts, releases};

/// Who brings objects to a cluster that are not seen here.
pub(super) struct Unseen {
    /// Their names: `HelmRelease monitoring/operator`.
    bring: Vec<String>,
    /// Whether anything is missed that they may define.
    may_define: bool,
}

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
        Self { bring, may_define: false }
    }

    /// Whether they may define a kind that is missed, which is noted then.
    pub(super) fn may_define(&mut self) -> bool {
        self.may_define |= !self.bring.is_empty();
        !self.bring.is_empty()
    }

    /// Those who may define what is missed, if anything is.
    pub(super) fn defining(self) -> Vec<String> {
        if self.may_define { self.bring } else { Vec::new() }
    }
}
