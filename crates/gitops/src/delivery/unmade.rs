//! An owner of which no manifests can be made, maybe because the same revision takes it away with what it was made of.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::failure::Failure;
use super::job::Job;
use super::words::Silence;
use super::{Context, finalize};
use crate::conditions::ARTIFACT_FAILED;
use crate::owner::Settings;
use crate::producer::ProducerError;
use crate::schedule::Signal;

/// How long a failure waits at most for those that may be about to take the owner away.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it means that something is missing in the cluster that manifests take: the owner waits for that, as for a dependency. What
/// it will describe may be found out without it, so that nobody else has to wait with it.
pub(super) fn unprepared(context: &Context, job: &Job, error: ProducerError) -> Failure {
    context.tell_concerned(context.sharing.fall_silent(&job.name, Silence::Blocked));
    Failure::Produce(Arc::new(error))
}

/// What a failure to make manifests means, once all that describe the owner were brought to its revision: nothing where they
/// have taken it away.
pub(super) async fn unmade(context: &Context, job: &Job, settings: &Settings, failure: Failure) -> Failure {
    // Whoever is waited for may wait for all that have not applied.
    context.sharing.leave(&settings.source, &job.name);
    context.tell_concerned(context.sharing.fall_silent(&job.name, Silence::Failing));
    let (answer, answered) = oneshot::channel();
    let _ = context.signals.send(Signal::Unmade { name: job.name.clone(), answer });
    tokio::select! {
        () = job.cancelled() => return Failure::Superseded,
        _ = tokio::time::timeout(PATIENCE, answered) => {}
    }
    // That it was deleted may be on its way yet.
    match finalize::look(context, &job.name).await {
        Ok(Some(seen)) if seen.uid == job.owner.metadata.uid && seen.deletion_timestamp.is_none() => {
            // With all who describe it at this revision, a place that is not there describes nothing, and holds nobody up.
            if failure.reason() == ARTIFACT_FAILED && !failure.may_pass() {
                context.tell_concerned(context.sharing.fall_silent(&job.name, Silence::Nowhere));
            }
            failure
        }
        Ok(_) => Failure::Superseded,
        Err(_) => failure,
    }
}
