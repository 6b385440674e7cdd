//! Image automation: which tags there are of images, which of them is the latest, and what is written to Git of that.
//!
//! An ImageRepository is scanned ([`repository`]), and what it has is known to the ImagePolicies that choose of it ([`policy`]). What they
//! chose stands in their statuses, which ImageUpdateAutomations write into files with markers, commit and push ([`automation`]). What is
//! the same of the three is here: a [`task`] for each object, its status and events ([`report`]), and what one knows of the others
//! ([`scans`], [`choices`]). What is decided is decided by the crate `imagepolicy`.

mod automation;
mod choices;
mod kind;
mod policy;
mod report;
mod repository;
mod scans;
mod task;
mod tasks;

use cowherd_api::flux::image::v1::{ImagePolicy, ImageRepository, ImageUpdateAutomation};
use cowherd_source::Images;

use crate::fetches::{FetchLimits, Fetches};
use crate::source::Shared;
use choices::Choices;
use scans::Scans;

/// What the tasks of all three kinds share.
#[derive(Clone)]
pub(crate) struct Means {
    shared: Shared,
    /// Asks registries.
    images: Images,
    /// What ImageRepositories have.
    scans: Scans,
    /// What ImagePolicies chose.
    choices: Choices,
    /// How many of them choose at a time: of a hundred thousand tags each, by expressions that anybody may write.
    choosing: Fetches,
}

/// How many ImagePolicies choose at a time, in all and of a namespace.
const CHOOSING: FetchLimits = FetchLimits { total: 8, per_namespace: 2, per_host: 2 };

/// Keeps a task for each object of the three kinds, for ever.
pub(crate) async fn run(shared: Shared) {
    let (scans, choices, choosing) = (Scans::default(), Choices::default(), Fetches::new(CHOOSING));
    let means = Means { shared, images: Images::default(), scans, choices, choosing };
    tokio::join!(
        tasks::run::<ImageRepository>(means.clone()),
        tasks::run::<ImagePolicy>(means.clone()),
        tasks::run::<ImageUpdateAutomation>(means),
    );
}
