//! What is measured of reconcilers that decide themselves what is next, under the same names as that of controllers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{LoopMetrics, Metrics, QueueMetrics, Sampled};

/// The metrics of a reconciler with a schedule of its own. Clones share them.
#[derive(Clone)]
pub struct Reconciler {
    loops: LoopMetrics,
    queue: QueueMetrics,
    at_work: Arc<AtWork>,
}

/// What is being reconciled, for who asks how long that takes already.
pub(super) struct AtWork {
    queue: QueueMetrics,
    state: Mutex<Numbered>,
}

#[derive(Default)]
struct Numbered {
    next: u64,
    /// When each began.
    since: HashMap<u64, Instant>,
}

impl AtWork {
    fn state(&self) -> MutexGuard<'_, Numbered> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, now: Instant) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        state.since.insert(number, now);
        number
    }

    fn leave(&self, number: u64) {
        self.state().since.remove(&number);
    }
}

impl Sampled for AtWork {
    fn sample(&self) {
        let ages: Vec<Duration> = self.state().since.values().map(Instant::elapsed).collect();
        self.queue.running(ages.iter().sum(), ages.into_iter().max().unwrap_or_default());
    }
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
    /// Its number among those at work, once it is.
    number: Option<u64>,
}

impl Metrics {
    /// The metrics of the reconciler of this name, which does `most` reconciliations at a time.
    pub fn reconciler(&self, name: &str, most: usize) -> Reconciler {
        let queue = self.queue(name);
        let at_work = self.at_work(name, || AtWork { queue: queue.clone(), state: Mutex::default() });
        Reconciler { loops: self.loops().controller(name, most), queue, at_work }
    }
}

impl Reconciler {
    /// A part of a reconciliation panicked on a thread of its own, which ends the reconciliation with an error.
    pub fn panicked(&self) {
        self.loops.panicked();
    }

    /// Something is to be reconciled.
    pub fn add(&self) -> Measured {
        self.queue.waits();
        Measured { reconciler: self.clone(), since: Instant::now(), number: None }
    }
}

impl Measured {
    /// It need wait no longer.
    pub fn begin(&mut self) {
        if self.number.is_none() {
            self.reconciler.queue.begins(self.since.elapsed());
            self.reconciler.loops.active.inc();
            self.since = Instant::now();
            self.number = Some(self.reconciler.at_work.enter(self.since));
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
        match self.number {
            Some(number) => {
                self.reconciler.loops.active.dec();
                self.reconciler.at_work.leave(number);
            }
            None => self.reconciler.queue.leaves(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a metric of the reconciler `kustomization`.
    fn value(metrics: &Metrics, name: &str) -> f64 {
        let text = metrics.text();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{name=\"kustomization\"")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_at_work_is_told_as_long_as_it_is_and_whoever_asks() {
        let metrics = Metrics::default();
        let (unfinished, longest) =
            ("workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds");
        let told = || (value(&metrics, unfinished), value(&metrics, longest));
        // As for each job, another value of the same reconciler.
        let add = || metrics.reconciler("kustomization", 2).add();
        let (mut first, mut second, waiting) = (add(), add(), add());
        assert_eq!(told(), (0.0, 0.0), "they wait");
        first.begin();
        tokio::time::advance(Duration::from_secs(3)).await;
        second.begin();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(told(), (7.0, 5.0));
        first.end(Outcome::Success);
        assert_eq!(told(), (2.0, 2.0));
        drop((second, waiting));
        assert_eq!(told(), (0.0, 0.0), "one was broken off, the other never began");
    }
}
