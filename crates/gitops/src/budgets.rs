//! How much the agents do at a time. The budgets are the process's, however many control planes it holds.

use std::sync::Arc;

use cowherd_notify::Sends;
use cowherd_source::LocalWatches;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fetches::{FetchLimits, Fetches};

/// How much may be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many renders run at the same time.
    pub renders: usize,
    /// How many Kustomizations are applied at the same time. Those that wait for health are not counted.
    pub applies: usize,
    /// How many fetches go on at the same time.
    pub fetches: FetchLimits,
}

impl Default for Limits {
    /// Twice as many renders as there are processors, and four times as many applies.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { renders: processors * 2, applies: processors * 4, fetches: FetchLimits::default() }
    }
}

/// What the agents of a process may do at a time, in all of its control planes together. Clones are the same budgets and
/// the same place in line; each control plane stands in line with a [`Budgets::share`] of its own.
#[derive(Clone, Debug)]
pub struct Budgets {
    pub(crate) renders: Permits,
    pub(crate) applies: Permits,
    pub(crate) fetches: Fetches,
    /// Repositories of this machine are watched once, however many control planes follow them.
    pub(crate) watches: LocalWatches,
    /// What is told elsewhere.
    pub(crate) sends: Sends,
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Budgets {
    /// Budgets of these sizes.
    pub fn new(limits: Limits) -> Self {
        Self {
            renders: Permits::new(limits.renders),
            applies: Permits::new(limits.applies),
            fetches: Fetches::new(limits.fetches),
            watches: LocalWatches::default(),
            sends: Sends::default(),
        }
    }

    /// The same budgets for one more control plane. Alone, it has all of them. Where there are several, each has its turn: one
    /// with a thousand things to do keeps no other waiting for more than a budget's worth of them.
    pub fn share(&self) -> Self {
        Self {
            renders: self.renders.share(),
            applies: self.applies.share(),
            fetches: self.fetches.share(),
            watches: self.watches.clone(),
            sends: self.sends.clone(),
        }
    }
}

/// Permits that are given in the order in which they are asked for. One control plane asks for no more than there are at the
/// same time; what else it wants waits in a line of its own.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    total: usize,
    own: Arc<Semaphore>,
    common: Arc<Semaphore>,
}

/// The right to do something. It ends with this.
#[derive(Debug)]
pub(crate) struct Permit {
    _own: Option<OwnedSemaphorePermit>,
    _common: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// So many, for one alone.
    pub(crate) fn new(total: usize) -> Self {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        let semaphore = || Arc::new(Semaphore::new(total));
        Self { total, own: semaphore(), common: semaphore() }
    }

    fn share(&self) -> Self {
        Self { own: Arc::new(Semaphore::new(self.total)), ..self.clone() }
    }

    /// How many there are.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Waits for a permit.
    pub(crate) async fn acquire(&self) -> Permit {
        // The semaphores are never closed; if they were, there would be no budget to keep.
        let own = self.own.clone().acquire_owned().await.ok();
        Permit { _own: own, _common: self.common.clone().acquire_owned().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_budget_is_kept_by_all_together() {
        let first = Permits::new(2);
        let second = first.share();
        let held = [first.acquire().await, second.acquire().await];
        assert!(first.acquire().now_or_never().is_none());
        assert!(second.acquire().now_or_never().is_none());
        drop(held);
        assert!(first.acquire().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_wants_much_keeps_others_waiting_for_one_budget_only() {
        let greedy = Permits::new(2);
        let modest = greedy.share();
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        let held = [greedy.acquire().await, greedy.acquire().await];
        let ask = |permits: &Permits, name: &'static str| {
            let (permits, done) = (permits.clone(), done.clone());
            tokio::spawn(async move {
                let _permit = permits.acquire().await;
                let _ = done.send(name);
            })
        };
        let tasks: Vec<_> = (0..100).map(|_| ask(&greedy, "greedy")).collect();
        tokio::task::yield_now().await;
        let last = ask(&modest, "modest");
        tokio::task::yield_now().await;
        drop(held);
        for task in tasks.into_iter().chain([last]) {
            task.await.unwrap();
        }
        drop(done);
        let mut before = 0;
        while let Some("greedy") = order.recv().await {
            before += 1;
        }
        assert!(before <= 2, "{before} were before it");
    }
}
