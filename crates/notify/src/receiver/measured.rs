//! What metrics tell of Receivers, as of whatever else is reconciled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use cowherd_api::flux::notification::v1::Receiver;
use cowherd_runtime::{Durations, Key, Measured, Metrics, Outcome, Reconciler, Resources};

use crate::described::Described;

/// What controller-runtime calls the controller.
const CONTROLLER: &str = "receiver";
const KIND: &str = "Receiver";

/// What metrics tell of the Receivers that are reconciled here.
pub(super) struct Told {
    resources: Resources,
    durations: Durations,
    reconciler: Reconciler,
    /// Those that they tell of.
    known: HashSet<Key>,
}

/// A look at a Receiver.
pub(super) struct Look<'a> {
    told: &'a Told,
    of: Key,
    began: Instant,
    measured: Measured,
}

impl Told {
    /// Nothing yet.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let (resources, durations) = (metrics.resources(), metrics.durations());
        Self { resources, durations, reconciler: metrics.reconciler(CONTROLLER, 1), known: HashSet::new() }
    }

    /// There are these Receivers, and no others.
    pub(super) fn tell(&mut self, receivers: &[Arc<Receiver>]) {
        let there: HashSet<Key> = receivers.iter().map(|receiver| Key::of(receiver.as_ref())).collect();
        for gone in self.known.difference(&there) {
            self.resources.forget::<Receiver>(gone);
            self.durations.remove(KIND, gone);
        }
        for receiver in receivers {
            self.resources.tell(receiver.as_ref(), receiver.described());
        }
        self.known = there;
    }

    /// It is looked at one of them.
    pub(super) fn begin(&self, receiver: &Receiver) -> Look<'_> {
        let mut measured = self.reconciler.add();
        measured.begin();
        Look { told: self, of: Key::of(receiver), began: Instant::now(), measured }
    }
}

impl Look<'_> {
    /// It is done; whether all is well.
    pub(super) fn end(self, is_well: bool) {
        self.told.durations.observe(KIND, &self.of, self.began.elapsed());
        self.measured.end(if is_well { Outcome::RequeueAfter } else { Outcome::Error });
    }
}
