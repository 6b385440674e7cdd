//! One reconciliation of one Kustomization: the story and its steps.

mod build;
mod context;
mod finalize;
pub(crate) mod gate;
mod health;
mod inventory;
mod preview;
mod reconcile;
pub(crate) mod settings;
pub(crate) mod status;
mod variables;

pub(crate) use context::Context;
pub use preview::{Preview, PreviewError, preview};
pub(crate) use reconcile::{Ended, Job, Report, Task, reconcile, without_source};
