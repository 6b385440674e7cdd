//! How much is done for one generator before it is refused.

use std::cell::Cell;

use crate::Cause;

/// How much is done for one generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most names that are looked at, each as often as it is compared with a pattern.
    pub steps: u64,
    /// The most files and directories that are held one by one, since rules take some of a directory, or lay them over others.
    pub parts: u64,
    /// The most bytes of files that are made, by merging and by unpacking.
    pub made: u64,
    /// The most artifacts.
    pub artifacts: usize,
}

impl Default for Limits {
    /// What the rules of a large repository do not come near, and a machine bears.
    fn default() -> Self {
        Self { steps: 20_000_000, parts: 200_000, made: 32 << 20, artifacts: 5_000 }
    }
}

/// What is left of what may be done.
pub struct Effort<'a> {
    limits: Limits,
    steps: Cell<u64>,
    parts: Cell<u64>,
    made: Cell<u64>,
    stop: &'a dyn Fn() -> bool,
}

/// After how many steps it is asked whether anybody waits still.
const PATIENCE: u64 = 4096;

impl<'a> Effort<'a> {
    /// All of what the limits allow, until `stop` says that nobody waits any more.
    pub fn new(limits: Limits, stop: &'a dyn Fn() -> bool) -> Self {
        Self { limits, steps: Cell::new(0), parts: Cell::new(0), made: Cell::new(0), stop }
    }

    /// How many artifacts there may be.
    pub fn artifacts(&self) -> usize {
        self.limits.artifacts
    }

    /// So many names are looked at.
    pub(crate) fn step(&self, count: u64) -> Result<(), Cause> {
        let before = self.steps.get();
        let now = before.saturating_add(count);
        self.steps.set(now);
        if now / PATIENCE != before / PATIENCE && (self.stop)() {
            return Err(Cause::Stopped);
        }
        within(now, self.limits.steps, "comparisons of names with patterns")
    }

    /// So many files and directories are held one by one.
    pub(crate) fn hold(&self, count: usize) -> Result<(), Cause> {
        self.step(count as u64)?;
        self.parts.set(self.parts.get().saturating_add(count as u64));
        within(self.parts.get(), self.limits.parts, "files and directories of which others are left out or replaced")
    }

    /// So many bytes are made.
    pub(crate) fn make(&self, bytes: u64) -> Result<(), Cause> {
        self.made.set(self.made.get().saturating_add(bytes));
        within(self.made.get(), self.limits.made, "bytes of merged and unpacked files")
    }

    /// How many bytes may still be made.
    pub(crate) fn room(&self) -> u64 {
        self.limits.made.saturating_sub(self.made.get())
    }
}

fn within(count: u64, limit: u64, what: &'static str) -> Result<(), Cause> {
    if count > limit { Err(Cause::TooMuch { limit, what }) } else { Ok(()) }
}
