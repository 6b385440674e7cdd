//! Waits until what was applied for an owner is healthy.

use std::collections::HashMap;
use std::time::Duration;

use cowherd_api::ConditionStatus::{False, True, Unknown};
use cowherd_apply::{ApplyError, Expectation, Manifest, ObjectId, Tally, Versioned};
use tokio::time::Instant;

use super::failure::Failure;
use super::job::Job;
use super::readiness::Readiness;
use super::{Context, idle, nodes};
use crate::Phase;
use crate::conditions::{HEALTH_CHECK_FAILED, HEALTHY, NO_NODES, PROGRESSING, READY, SUCCEEDED};
use crate::owner::Settings;
use crate::owner::status::{conditions, go_duration, handled, progressing, without_health};
use crate::schedule::Signal;
use crate::target::Target;

/// What has to be healthy: everything that was applied, or what `healthChecks` names; nothing where neither is asked for.
pub(super) fn expected(
    job: &Job,
    settings: &Settings,
    applied: &[&Versioned],
    manifests: &HashMap<&ObjectId, &Manifest>,
) -> Vec<Expectation> {
    let objects: Vec<Versioned> =
        if settings.wait { applied.iter().copied().cloned().collect() } else { settings.health_checks.clone() };
    let itself = |object: &Versioned| {
        (object.id.group.as_str(), object.id.kind.as_str()) == (job.name.kind.group, job.name.kind.kind)
            && (&object.id.namespace, &object.id.name) == (&job.name.namespace, &job.name.name)
    };
    let ends = |object: &Versioned| {
        object.id.kind == "Job"
            && manifests
                .get(&object.id)
                .is_some_and(|manifest| manifest.object().pointer("/spec/ttlSecondsAfterFinished").is_some())
    };
    objects
        .into_iter()
        .filter(|object| !itself(object))
        .map(|object| {
            let judge = settings.expressions.judge(&object.id);
            let is_gone_at_the_end = ends(&object);
            let expected = if is_gone_at_the_end { Expectation::healthy_or_gone } else { Expectation::healthy };
            expected(object).judged_by(judge)
        })
        .collect()
}

/// How long a wait has to last before it is written down: most objects are healthy at once.
const GRACE: Duration = Duration::from_millis(500);

/// Why waiting goes on, where that can be told better than by what is not there yet.
async fn why(target: &Target, result: &Result<(), ApplyError>) -> Option<String> {
    match result {
        Err(ApplyError::Unhealthy(unhealthy)) => nodes::missing(target, unhealthy).await,
        _ => None,
    }
}

async fn wait(
    context: &Context,
    target: &Target,
    job: &mut Job,
    expected: &[Expectation],
    timeout: Duration,
) -> Result<(), ApplyError> {
    let cancelled = job.cancelled();
    let tell = |tally: Tally| {
        job.progress.ready = tally.ready;
        job.tell(context, Phase::Checking);
    };
    target.applier.wait_and_tell(expected, timeout, cancelled, tell).await
}

/// Waits for the health of the objects, as long as the owner may take.
pub(super) async fn check(
    context: &Context,
    target: &Target,
    job: &mut Job,
    settings: &Settings,
    Readiness { expected, others, .. }: &Readiness,
) -> Result<(), Failure> {
    if expected.is_empty() {
        without_health(&mut job.status, &job.owner);
        return Ok(());
    }
    let began = Instant::now();
    let timeout = settings.timeout;
    let readable = target.applier.check_readable(&settings.health_checks, target.account.as_ref()).await;
    readable.map_err(|error| Failure::Unreadable(Box::new(error)))?;
    let _ = context.signals.send(Signal::Waits(job.name.clone()));
    // What others apply may come while it is waited for.
    let comes = target.applier.until_idle(others);
    tokio::pin!(comes);
    let mut result = tokio::select! {
        result = wait(context, target, job, expected, timeout.min(GRACE)) => result,
        idle = &mut comes => return idle::check(job, &[idle]),
    };
    if timeout > GRACE && matches!(&result, Err(ApplyError::Unhealthy(unhealthy)) if unhealthy.timed_out) {
        let revision = &job.artifact.revision;
        let limit = go_duration(timeout);
        let message = format!("Running health checks for revision {revision} with a timeout of {limit}");
        let why = why(target, &result).await;
        let message = why.as_ref().map_or(message.clone(), |why| format!("{message}: {why}"));
        progressing(&mut job.status, &job.owner, &message);
        if let Some(why) = &why {
            conditions(&mut job.status, &job.owner).set(READY, Unknown, NO_NODES, why);
            // Whoever asked has the answer: that may last for ever.
            handled(&mut job.status, &job.owner);
        }
        conditions(&mut job.status, &job.owner).set(HEALTHY, Unknown, PROGRESSING, &message);
        job.write_status(context).await?;
        result = tokio::select! {
            result = wait(context, target, job, expected, timeout - GRACE) => result,
            idle = &mut comes => return idle::check(job, &[idle]),
        };
    }
    if result.is_ok() && !others.is_empty() {
        let idle = idle::find(target, others.iter(), &HashMap::new()).await;
        idle::check(job, &idle.map_err(|error| Failure::Unseen(Box::new(error)))?)?;
    }
    let why = why(target, &result).await;
    match result {
        Ok(()) => {
            let message = format!("Health check passed in {}", go_duration(began.elapsed()));
            conditions(&mut job.status, &job.owner).set(HEALTHY, True, SUCCEEDED, &message);
            Ok(())
        }
        Err(ApplyError::Superseded) => Err(Failure::Superseded),
        Err(error) => {
            let is_late = matches!(&error, ApplyError::Unhealthy(unhealthy) if unhealthy.timed_out);
            let took = is_late.then_some(timeout);
            let message = error.told(&job.mask);
            conditions(&mut job.status, &job.owner).set(HEALTHY, False, HEALTH_CHECK_FAILED, &message);
            Err(Failure::Health { error: Box::new(error), took, why })
        }
    }
}
