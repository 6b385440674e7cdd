//! The `Progressing` condition: whether a rollout moves, is done, or has been stuck for too long.

use std::time::Duration;

use cowherd_runtime::{Error, Next, conditions::now};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use kube::ResourceExt;

use super::{Rollout, status};

/// The type of the condition.
pub const PROGRESSING: &str = "Progressing";
const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";
const COMPLETE: &str = "NewReplicaSetAvailable";
const PAUSED: &str = "DeploymentPaused";
const RESUMED: &str = "DeploymentResumed";

/// Says in the condition that the Deployment is paused, or no longer is; the time of a pause does not count
/// against the deadline.
pub async fn note_pause(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    if deadline(rollout).is_none() {
        return Ok(());
    }
    let mut next = rollout.deployment.status.clone().unwrap_or_default();
    let reason = status::condition(&next, PROGRESSING).and_then(|condition| condition.reason.clone());
    let reason = reason.as_deref();
    if reason == Some(DEADLINE_EXCEEDED) {
        return Ok(());
    }
    let condition = match (rollout.paused(), reason) {
        (true, Some(PAUSED)) => return Ok(()),
        (true, _) => condition("Unknown", PAUSED, "Deployment is paused".to_owned()),
        (false, Some(PAUSED)) => condition("Unknown", RESUMED, "Deployment is resumed".to_owned()),
        (false, _) => return Ok(()),
    };
    status::set_condition(&mut next, condition);
    status::write(rollout, next).await
}

/// What the condition is to say now.
pub fn judge(rollout: &Rollout<'_>, next: &mut DeploymentStatus, at: Timestamp) {
    let Some(deadline) = deadline(rollout) else {
        status::remove_condition(next, PROGRESSING);
        return;
    };
    let known = status::condition(next, PROGRESSING).cloned();
    let done_before = next.replicas == next.updated_replicas
        && known.as_ref().and_then(|known| known.reason.as_deref()) == Some(COMPLETE);
    if rollout.paused() || done_before {
        return;
    }
    let name = match &rollout.new {
        Some(new) => format!("ReplicaSet {:?}", new.name_any()),
        None => format!("Deployment {:?}", rollout.deployment.name_any()),
    };
    if is_complete(rollout, next) {
        status::set_condition(next, condition("True", COMPLETE, format!("{name} has successfully progressed.")));
    } else if known.is_none() {
        let (reason, message) = match &rollout.new {
            Some(new) => ("NewReplicaSetCreated", format!("Created new replica set {:?}", new.name_any())),
            None => ("ReplicaSetUpdated", format!("{name} is progressing.")),
        };
        status::set_condition(next, condition("True", reason, message));
    } else if moved(rollout, next) {
        let mut moving = condition("True", "ReplicaSetUpdated", format!("{name} is progressing."));
        if let Some(known) = known.filter(|known| known.status == "True") {
            moving.last_transition_time = known.last_transition_time;
        }
        status::remove_condition(next, PROGRESSING);
        status::set_condition(next, moving);
    } else if known.is_some_and(|known| timed_out(&known, deadline, at)) {
        status::set_condition(
            next,
            condition("False", DEADLINE_EXCEEDED, format!("{name} has timed out progressing.")),
        );
    }
}

/// When to look again, so that a rollout which stands still is found out.
pub fn look_again(rollout: &Rollout<'_>, next: &DeploymentStatus, at: Timestamp) -> Next {
    let Some(deadline) = deadline(rollout) else { return Next::Wait };
    let Some(known) = status::condition(next, PROGRESSING) else { return Next::Wait };
    let settled = matches!(known.reason.as_deref(), Some(COMPLETE | DEADLINE_EXCEEDED));
    if settled || rollout.paused() {
        return Next::Wait;
    }
    let since = known.last_update_time.as_ref().map_or(at, |time| time.0);
    let left = i64::from(deadline) - (at.as_second() - since.as_second());
    Next::After(Duration::from_secs(u64::try_from(left.max(0)).unwrap_or(0) + 1))
}

/// The deadline in seconds; Kubernetes takes the largest number for none.
fn deadline(rollout: &Rollout<'_>) -> Option<i32> {
    rollout.spec.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX)
}

fn is_complete(rollout: &Rollout<'_>, next: &DeploymentStatus) -> bool {
    let wanted = rollout.wanted();
    next.updated_replicas.unwrap_or(0) == wanted
        && next.replicas.unwrap_or(0) == wanted
        && next.available_replicas.unwrap_or(0) == wanted
        && next.observed_generation >= rollout.deployment.metadata.generation
        && rollout.new.is_some()
}

/// Whether there are more new pods, fewer old ones, or more ready or available ones than before.
fn moved(rollout: &Rollout<'_>, next: &DeploymentStatus) -> bool {
    let before = rollout.deployment.status.clone().unwrap_or_default();
    let count = |number: Option<i32>| number.unwrap_or(0);
    let old = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(next.updated_replicas) > count(before.updated_replicas)
        || old(next) < old(&before)
        || count(next.ready_replicas) > count(before.ready_replicas)
        || count(next.available_replicas) > count(before.available_replicas)
}

fn timed_out(known: &DeploymentCondition, deadline: i32, at: Timestamp) -> bool {
    if known.reason.as_deref() == Some(DEADLINE_EXCEEDED) {
        return true;
    }
    let since = known.last_update_time.as_ref().map_or(at, |time| time.0);
    at.as_second() - since.as_second() >= i64::from(deadline)
}

fn condition(status: &str, reason: &str, message: String) -> DeploymentCondition {
    DeploymentCondition {
        type_: PROGRESSING.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(now()),
        last_transition_time: Some(now()),
    }
}
