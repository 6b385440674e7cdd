//! What is measured of the agents, under the names of Flux's controllers.

use std::time::Duration;

use cowherd_runtime::{Metrics, Reconciler};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::NamespacedName;

/// The object that was reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Object {
    kind: &'static str,
    name: String,
    namespace: String,
}

type Durations = Family<Object, Histogram, fn() -> Histogram>;

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

    /// Of one kind.
    pub(crate) fn of(&self, kind: &'static str) -> OfKind {
        // From ten nanoseconds to ten seconds, as Flux has them.
        let durations = Durations::new_with_constructor(|| Histogram::new(exponential_buckets(10e-9, 10.0, 10)));
        let help = "How long reconciliations of an object took";
        let durations = self.metrics.register("gotk_reconcile_duration_seconds", help, durations);
        // Controllers are named as controller-runtime names them.
        OfKind { kind, reconciler: self.metrics.reconciler(&kind.to_lowercase(), self.most), durations }
    }
}

impl OfKind {
    /// A reconciliation of the object took so long.
    pub(crate) fn took(&self, name: &NamespacedName, time: Duration) {
        self.durations.get_or_create(&self.object(name)).observe(time.as_secs_f64());
    }

    /// Forgets what was measured of the object when this is dropped.
    pub(crate) fn forgotten<'a>(&'a self, name: &'a NamespacedName) -> Forgotten<'a> {
        Forgotten { of: self, name }
    }

    /// The object is gone, and with it what was measured of it.
    pub(crate) fn gone(&self, name: &NamespacedName) {
        self.durations.remove(&self.object(name));
    }

    fn object(&self, name: &NamespacedName) -> Object {
        Object { kind: self.kind, name: name.name.clone(), namespace: name.namespace.clone() }
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
