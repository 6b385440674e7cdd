//! Jobs that are done go after the time that they say.

use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::{Controller, Error, Key, Next, Runtime, Writer, conditions};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;

const NAME: &str = "ttl-after-finished-controller";

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let jobs = Writer::namespaced(runtime.client(NAME), runtime.informer::<Job>());
    let informer = Arc::clone(jobs.informer());
    Controller::of(&runtime, NAME, &informer).run(move |key| expire(jobs.clone(), key)).await;
}

async fn expire(jobs: Writer<Job>, key: Key) -> Result<Next, Error> {
    let Some(job) = jobs.informer().get(&key) else { return Ok(Next::Wait) };
    let Some(expiry) = expiry(&job) else { return Ok(Next::Wait) };
    let left = expiry.duration_since(Timestamp::now());
    if left.is_positive() {
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
