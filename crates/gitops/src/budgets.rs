//! How much the agents do at a time. The budgets are the process's, however many control planes it holds.

use cowherd_notify::Sends;
pub(crate) use cowherd_runtime::{Permit, Permits};
use cowherd_source::LocalWatches;

use crate::fetches::{FetchLimits, Fetches};

/// How much may be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many renders run at the same time. The owners of one namespace have half of them at most.
    pub renders: usize,
    /// How many owners are applied at the same time. Those that wait for health are not counted. Those of one namespace are
    /// half of them at most.
    pub applies: usize,
    /// How many fetches go on at the same time.
    pub fetches: FetchLimits,
}

impl Default for Limits {
    /// Twice as many renders as there are processors, and eight times as many applies, which wait for answers more than they
    /// compute.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { renders: processors * 2, applies: processors * 8, fetches: FetchLimits::default() }
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
            sends: self.sends.share(),
        }
    }
}
