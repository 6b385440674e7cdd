//! Jobs that are done go after the time that they say.

use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::{BrokenOff, Controller, Error, Key, Next, Runtime, Writer, conditions};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use kube::api::DeleteParams;

const NAME: &str = "ttl-after-finished-controller";

/// Who writes the status of Jobs: this controller may delete them, and nothing else.
const REPORTER: &str = "job-controller";
/// The condition that says that it is not known when a Job is to go, and why.
const EXPIRY_FAILURE: &str = "TTLAfterFinishedFailure";

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let jobs = Writer::namespaced(runtime.client(NAME), runtime.informer::<Job>());
    let statuses = Writer::namespaced(runtime.client(REPORTER), runtime.informer::<Job>());
    let (informer, reporting) = (Arc::clone(jobs.informer()), statuses.clone());
    Controller::of(&runtime, NAME, &informer)
        .reports(move |key, broken| say_broken_off(reporting.clone(), key, broken))
        .run(move |key| expire(jobs.clone(), statuses.clone(), key))
        .await;
}

/// Says of a Job that the look at it came to no end, until the next one does.
pub(crate) async fn say_broken_off(statuses: Writer<Job>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(job) = statuses.informer().get(&key) else { return Ok(()) };
    let mut changed = job.as_ref().clone();
    let condition = JobCondition {
        type_: EXPIRY_FAILURE.to_owned(),
        status: "True".to_owned(),
        reason: Some(broken.reason.to_owned()),
        message: Some(broken.message),
        ..JobCondition::default()
    };
    if conditions::set(changed.status.get_or_insert_default().conditions.get_or_insert_default(), condition) {
        statuses.replace_status(&changed).await?;
    }
    Ok(())
}

/// Takes back what was said of a look that came to no end.
async fn take_back(statuses: &Writer<Job>, job: &Job) -> Result<(), Error> {
    let mut changed = job.clone();
    let said = changed.status.as_mut().and_then(|status| status.conditions.as_mut());
    if let Some(list) = said.filter(|list| conditions::find(list, EXPIRY_FAILURE).is_some()) {
        list.retain(|condition| condition.type_ != EXPIRY_FAILURE);
        statuses.replace_status(&changed).await?;
    }
    Ok(())
}

async fn expire(jobs: Writer<Job>, statuses: Writer<Job>, key: Key) -> Result<Next, Error> {
    let Some(job) = jobs.informer().get(&key) else { return Ok(Next::Wait) };
    let Some(expiry) = expiry(&job) else {
        take_back(&statuses, &job).await?;
        return Ok(Next::Wait);
    };
    let left = expiry.duration_since(Timestamp::now());
    if left.is_positive() {
        take_back(&statuses, &job).await?;
        return Ok(Next::After(left.unsigned_abs()));
    }
    // Its pods go first, so that none is left behind for whom nobody cares.
    jobs.delete(&job, DeleteParams::foreground()).await?;
    Ok(Next::Wait)
}

/// When a Job is to go; never, where it is not done, says no time, or is on its way already.
fn expiry(job: &Job) -> Option<Timestamp> {
    let ttl = job.spec.as_ref()?.ttl_seconds_after_finished?;
    if job.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let done = ["Complete", "Failed"].into_iter().find(|kind| conditions::holds(conditions, kind))?;
    let since = conditions::find(conditions, done)?.last_transition_time.as_ref()?.0;
    // What no calendar holds is never.
    since.checked_add(Duration::from_secs(u64::try_from(ttl).ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn expires(ttl: Value, kind: &str, status: &str) -> Option<String> {
        let job = json!({
            "spec": { "template": {}, "ttlSecondsAfterFinished": ttl },
            "status": { "conditions": [
                { "type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z" },
            ] },
        });
        expiry(&serde_json::from_value(job).unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn a_job_goes_its_time_after_it_was_done_or_failed() {
        assert_eq!(expires(json!(90), "Complete", "True").as_deref(), Some("2026-01-01T00:01:30Z"));
        assert_eq!(expires(json!(0), "Failed", "True").as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(expires(json!(90), "Complete", "False"), None, "it is not done");
        assert_eq!(expires(json!(90), "Suspended", "True"), None);
        assert_eq!(expires(json!(null), "Complete", "True"), None, "it says no time");
        assert_eq!(expires(json!(-1), "Complete", "True"), None);
    }
}
