//! Waits for what was brought, for stories of their own: by the same rules that hold for everybody else.

use std::collections::BTreeSet;
use std::time::Duration;

use cowherd_apply::{Action, ApplyError, ChangeSet, Manifest, ObjectId};

use super::failure::Failure;
use super::job::Job;
use super::readiness::Readiness;
use super::{Context, idle, nodes};
use crate::Phase;
use crate::owner::Settings;
use crate::target::Target;

/// Waits until the objects that were applied are healthy; what counts as ready without being so is told, and so is what nothing
/// here acts on.
pub(crate) async fn until_ready(
    context: &Context,
    target: &Target,
    job: &mut Job,
    settings: &Settings,
    what: (&ChangeSet, &[Manifest]),
    timeout: Duration,
) -> Result<(), Failure> {
    let settings = Settings { wait: true, ..settings.clone() };
    let readiness = Readiness::of(context, target, job, &settings, what).await;
    let readiness = readiness.map_err(|error| Failure::Unseen(Box::new(error)))?;
    readiness.tell_assumed(context, job);
    idle::check(job, &readiness.idle)?;
    job.tell(context, Phase::Checking);
    let waited = target.applier.wait(&readiness.expected, timeout, job.cancelled()).await;
    match waited {
        Ok(()) => Ok(()),
        Err(ApplyError::Superseded) => Err(Failure::Superseded),
        Err(error) => {
            let why = match &error {
                ApplyError::Unhealthy(unhealthy) => nodes::missing(target, unhealthy).await,
                _ => None,
            };
            let took = matches!(&error, ApplyError::Unhealthy(unhealthy) if unhealthy.timed_out).then_some(timeout);
            Err(Failure::Health { error: Box::new(error), took, why })
        }
    }
}

/// Those of the objects, which run to their end, that anything runs here.
///
/// # Errors
/// Where nothing acts on one of them, and nobody said that it counts as ready all the same.
pub(crate) async fn runs(
    context: &Context,
    target: &Target,
    job: &mut Job,
    settings: &Settings,
    objects: &[Manifest],
) -> Result<BTreeSet<ObjectId>, Failure> {
    let mut made = ChangeSet::default();
    objects.iter().for_each(|object| made.push(object.versioned().clone(), Action::Created));
    let settings = Settings { wait: true, ..settings.clone() };
    let readiness = Readiness::of(context, target, job, &settings, (&made, objects)).await;
    let readiness = readiness.map_err(|error| Failure::Unseen(Box::new(error)))?;
    readiness.tell_assumed(context, job);
    idle::check(job, &readiness.idle)?;
    Ok(readiness.expected.into_iter().map(|expected| expected.object.id).collect())
}
