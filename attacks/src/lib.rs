//! Attacks on the built program, beside a bystander who must not feel them.
//!
//! Each attack is a file below `attacks/`, named for what it does, and has a budget: how much memory the program may
//! take for it, and how long a bystander may wait. The bystander asks ordinary questions and makes ordinary commits all
//! the while. When the attack is over, everybody has the rights that they had, what was acknowledged is there, no secret
//! was told, no task has panicked, and the program has nothing left to do.

pub mod attacks;
mod bystander;
pub mod peers;
mod report;
mod rights;
mod settled;
pub mod stage;

use std::path::Path;
use std::time::Duration;

use futures::future::LocalBoxFuture;

pub use attacks::ALL;
pub use report::Report;
use stage::{Limits, Stage};

/// How large an attack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As small as it can be and still succeed where the program is at fault: seconds.
    Small,
    /// As it was when it succeeded for the first time, or larger.
    Large,
}

/// What an attack may cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// MiB that the program may take at the worst moment beyond what it had before.
    pub memory: u64,
    /// MiB that it may still have when all is quiet again.
    pub kept: u64,
    /// How long a bystander's request may take.
    pub request: Duration,
    /// How long a bystander's commit may take until it is applied.
    pub commit: Duration,
}

impl Budget {
    /// What most attacks may cost. Times are generous, for machines that have other things to do.
    pub const USUAL: Self =
        Self { memory: 256, kept: 96, request: Duration::from_secs(10), commit: Duration::from_secs(30) };

    const fn with_memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }
}

/// An attack.
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it may cost.
    pub budget: Budget,
    /// Limits of the operating system that the program has meanwhile.
    pub limits: Limits,
    /// Plays it; fails where the program did not keep what it promises.
    pub play: for<'s> fn(&'s Stage) -> LocalBoxFuture<'s, anyhow::Result<()>>,
}

/// Plays an attack on a stage of its own.
///
/// # Errors
/// When it could not be played. What the program did wrong is in the report.
pub fn play(program: &Path, attack: &Attack, scale: Scale, seed: u64) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stage = runtime.block_on(Stage::set(program, scale, seed, attack.limits))?;
    let report = report::of(&runtime, &stage, attack);
    drop(stage);
    runtime.shutdown_background();
    report
}
