//! One reconciliation of one Kustomization: the story and its steps.

mod build;
mod claims;
mod context;
mod failure;
mod fetching;
mod finalize;
pub(crate) mod gate;
mod guard;
mod handover;
mod health;
mod idle;
pub(crate) mod inventory;
mod job;
mod nodes;
mod places;
mod preview;
mod prune;
mod reconcile;
mod render;
pub(crate) mod settings;
mod spared;
pub(crate) mod status;
mod variables;

pub(crate) use build::BuildError;
pub(crate) use claims::{Concerned, Rank};
pub(crate) use context::Context;
pub(crate) use job::{Ended, Held, Job, Report, Task, without_source};
pub use preview::{Preview, PreviewError, preview};
pub(crate) use reconcile::reconcile;
#[cfg(test)]
pub(crate) use {
    build::Built,
    render::{Render, Step},
    variables::Variables,
};
