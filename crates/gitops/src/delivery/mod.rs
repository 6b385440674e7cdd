//! One delivery for one owner: the story and its steps.

mod awaited;
mod claims;
mod context;
mod deliver;
mod departure;
mod failure;
mod fetching;
mod finalize;
mod guard;
mod handover;
mod health;
mod idle;
mod job;
mod nodes;
mod places;
mod preview;
mod produce;
mod proof;
mod prune;
mod readiness;
mod remedies;
mod restored;
pub(crate) mod sharing;
mod spared;
mod unbrought;
mod unmade;
mod words;

pub(crate) use claims::{Concerned, Rank};
pub(crate) use context::Context;
pub(crate) use deliver::deliver;
pub use guard::approval;
pub(crate) use guard::has_waiting;
pub(crate) use job::{Ended, Held, Job, Report, Task, no_such_source, without_artifact};
pub use preview::{PreviewError, Proposal};
pub(crate) use preview::{Previewed, preview, preview_deletion};
pub(crate) use words::Silence;
