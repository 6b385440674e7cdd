//! What a Deployment says of its ReplicaSets.

use cowherd_runtime::conditions::{self, now};
use cowherd_runtime::{BrokenOff, Error, Key, Next, Writer};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSetStatus};

use super::rolling::max_unavailable;
use super::{Rollout, progress};

/// The condition that says that Pods cannot be brought to what is wanted, and why.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Says of a Deployment that its reconciliation came to no end, until the next one judges the condition anew.
pub async fn broken_off(deployments: Writer<Deployment>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(deployment) = deployments.informer().get(&key) else { return Ok(()) };
    let mut changed = deployment.as_ref().clone();
    let list = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    if conditions::set(list, new_condition(REPLICA_FAILURE, "True", broken.reason, broken.message)) {
        deployments.replace_status(&changed).await?;
    }
    Ok(())
}

/// Writes the status if it changed.
pub async fn update(rollout: &mut Rollout<'_>) -> Result<Next, Error> {
    let at = Timestamp::now();
    let mut next = counted(rollout);
    judge_availability(rollout, &mut next);
    judge_replica_failure(rollout, &mut next);
    progress::judge(rollout, &mut next, at);
    let again = progress::look_again(rollout, &next, at);
    write(rollout, next).await?;
    Ok(again)
}

/// Writes a status, unless it is the one that is there.
pub async fn write(rollout: &mut Rollout<'_>, next: DeploymentStatus) -> Result<(), Error> {
    if rollout.deployment.status.as_ref() == Some(&next) {
        return Ok(());
    }
    let mut changed = rollout.deployment.as_ref().clone();
    changed.status = Some(next);
    rollout.deployment = rollout.context.deployments.replace_status(&changed).await?;
    Ok(())
}

fn counted(rollout: &Rollout<'_>) -> DeploymentStatus {
    let before = rollout.deployment.status.clone().unwrap_or_default();
    let sum = |count: &dyn Fn(&ReplicaSetStatus) -> i32| -> i32 {
        rollout.all().filter_map(|set| set.status.as_ref()).map(count).sum()
    };
    let some = |count: i32| (count > 0).then_some(count);
    let total = sum(&|status| status.replicas);
    let available = sum(&|status| status.available_replicas.unwrap_or(0));
    let new = rollout.new.as_ref().and_then(|set| set.status.as_ref());
    DeploymentStatus {
        observed_generation: rollout.deployment.metadata.generation,
        replicas: some(total),
        updated_replicas: some(new.map_or(0, |status| status.replicas)),
        ready_replicas: some(sum(&|status| status.ready_replicas.unwrap_or(0))),
        available_replicas: some(available),
        unavailable_replicas: some((total - available).max(0)),
        collision_count: before.collision_count,
        conditions: before.conditions,
        ..Default::default()
    }
}

fn judge_availability(rollout: &Rollout<'_>, next: &mut DeploymentStatus) {
    let enough = next.available_replicas.unwrap_or(0) >= rollout.wanted() - max_unavailable(&rollout.spec);
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set_condition(next, new_condition("Available", status, reason, message.to_owned()));
}

/// `ReplicaFailure` as the ReplicaSets have it.
fn judge_replica_failure(rollout: &Rollout<'_>, next: &mut DeploymentStatus) {
    // The new ReplicaSet's word counts before that of the old ones.
    let sets = rollout.new.iter().chain(&rollout.old);
    let conditions = sets.filter_map(|set| set.status.as_ref()?.conditions.as_ref());
    let failure = conditions.flatten().find(|condition| condition.type_ == REPLICA_FAILURE);
    match failure {
        Some(failure) => {
            let (reason, message) = (failure.reason.clone(), failure.message.clone());
            let reason = reason.unwrap_or_default();
            set_condition(next, new_condition(REPLICA_FAILURE, &failure.status, &reason, message.unwrap_or_default()));
        }
        None => remove_condition(next, REPLICA_FAILURE),
    }
}

/// A condition by type.
pub fn condition<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    conditions::find(status.conditions.as_deref().unwrap_or_default(), kind)
}

/// Adds or replaces a condition. As with Kubernetes, one whose status and reason are those of before stays as it is, whatever its
/// message says.
pub fn set_condition(status: &mut DeploymentStatus, condition: DeploymentCondition) {
    let list = status.conditions.get_or_insert_default();
    let is_as_before = conditions::find(list, &condition.type_)
        .is_some_and(|known| known.status == condition.status && known.reason == condition.reason);
    if !is_as_before {
        conditions::set(list, condition);
    }
}

/// Removes a condition.
pub fn remove_condition(status: &mut DeploymentStatus, kind: &str) {
    if let Some(conditions) = status.conditions.as_mut() {
        conditions.retain(|condition| condition.type_ != kind);
        if conditions.is_empty() {
            status.conditions = None;
        }
    }
}

fn new_condition(kind: &str, status: &str, reason: &str, message: String) -> DeploymentCondition {
    DeploymentCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(now()),
        last_transition_time: Some(now()),
    }
}
