//! What is measured of the agents, under the names of Flux's controllers.

mod resources;

use std::time::Duration;

use cowherd_runtime::{Durations, Metrics, Reconciler};

use crate::NamespacedName;
use crate::tasks::key;
pub(crate) use resources::Described;

/// What is measured of the reconciliations of one kind. Clones share it.
#[derive(Clone)]
pub(crate) struct OfKind {
    kind: &'static str,
    /// What is the same for all kinds.
    pub(crate) reconciler: Reconciler,
    durations: Durations,
}

/// What is measured of all kinds of owners, or of sources.
#[derive(Clone)]
pub(crate) struct Measures {
    metrics: Metrics,
    most: usize,
}

impl Measures {
    /// Of kinds of which `most` are reconciled at a time.
    pub(crate) fn new(metrics: &Metrics, most: usize) -> Self {
        Self { metrics: metrics.clone(), most }
    }

    /// Metrics tell of the kind from now on, also before anything of it is reconciled.
    pub(crate) fn begin(&self, kind: &'static str) {
        drop(self.of(kind));
    }

    /// Of one kind.
    pub(crate) fn of(&self, kind: &'static str) -> OfKind {
        let durations = self.metrics.durations();
        // Controllers are named as controller-runtime names them.
        OfKind { kind, reconciler: self.metrics.reconciler(&kind.to_lowercase(), self.most), durations }
    }
}

impl OfKind {
    /// A reconciliation of the object took so long.
    pub(crate) fn took(&self, name: &NamespacedName, time: Duration) {
        self.durations.observe(self.kind, &key(name), time);
    }

    /// Forgets what was measured of the object when this is dropped.
    pub(crate) fn forgotten<'a>(&'a self, name: &'a NamespacedName) -> Forgotten<'a> {
        Forgotten { of: self, name }
    }

    /// The object is gone, and with it what was measured of it.
    pub(crate) fn gone(&self, name: &NamespacedName) {
        self.durations.remove(self.kind, &key(name));
    }
}

/// What was measured of an object, as long as it is there.
pub(crate) struct Forgotten<'a> {
    of: &'a OfKind,
    name: &'a NamespacedName,
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        self.of.gone(self.name);
    }
}
