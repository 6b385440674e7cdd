//! What is measured of reconcilers that decide themselves what is next, under the same names as that of controllers.

use tokio::time::Instant;

use super::{LoopMetrics, Metrics, QueueMetrics};

/// The metrics of a reconciler with a schedule of its own. Clones share them.
#[derive(Clone)]
pub struct Reconciler {
    loops: LoopMetrics,
    queue: QueueMetrics,
}

/// How a reconciliation ended, in controller-runtime's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well; nothing is to be done until something changes.
    Success,
    /// Well; it comes back after a while in any case.
    RequeueAfter,
    /// It gave way to a newer one.
    Requeue,
    /// With an error.
    Error,
    /// With a panic.
    Panic,
}

/// A reconciliation, from the moment at which it is to be done. One that is dropped without an outcome was broken off, and
/// counts as none.
pub struct Measured {
    reconciler: Reconciler,
    /// Since when it waits, or is at work.
    since: Instant,
    begun: bool,
}

impl Metrics {
    /// The metrics of the reconciler of this name, which does `most` reconciliations at a time.
    pub fn reconciler(&self, name: &str, most: usize) -> Reconciler {
        Reconciler { loops: self.loops().controller(name, most), queue: self.queue(name) }
    }
}

impl Reconciler {
    /// Something is to be reconciled.
    pub fn add(&self) -> Measured {
        self.queue.waits();
        Measured { reconciler: self.clone(), since: Instant::now(), begun: false }
    }
}

impl Measured {
    /// It need wait no longer.
    pub fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.reconciler.queue.begins(self.since.elapsed());
            self.reconciler.loops.active.inc();
            self.since = Instant::now();
        }
    }

    /// It has ended.
    pub fn end(mut self, outcome: Outcome) {
        self.begin();
        let (took, loops) = (self.since.elapsed(), &self.reconciler.loops);
        self.reconciler.queue.worked(took);
        let word = match outcome {
            Outcome::Success => "success",
            Outcome::RequeueAfter => "requeue_after",
            Outcome::Requeue => "requeue",
            Outcome::Error => {
                loops.erred();
                "error"
            }
            Outcome::Panic => {
                loops.erred();
                loops.panicked();
                "error"
            }
        };
        loops.reconciled(word, took);
        if matches!(outcome, Outcome::Error | Outcome::Panic) {
            self.reconciler.queue.retried();
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if self.begun {
            self.reconciler.loops.active.dec();
        } else {
            self.reconciler.queue.leaves();
        }
    }
}
