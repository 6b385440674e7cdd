//! What a ReplicaSet says of its pods.

use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::conditions::{self, now};
use cowherd_runtime::{BrokenOff, Error, Key, Next, Writer};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::Context;
use super::scale::Failure;
use crate::pods::{is_available, ready_since};

/// The condition that says that Pods cannot be created or deleted, and why.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Says of a ReplicaSet that its reconciliation came to no end, until the next one judges the condition anew.
pub async fn broken_off(sets: Writer<ReplicaSet>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(set) = sets.informer().get(&key) else { return Ok(()) };
    let mut changed = set.as_ref().clone();
    let condition = ReplicaSetCondition {
        type_: REPLICA_FAILURE.to_owned(),
        status: "True".to_owned(),
        reason: Some(broken.reason.to_owned()),
        message: Some(broken.message),
        last_transition_time: None,
    };
    let list = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    if conditions::set(list, condition) {
        sets.replace_status(&changed).await?;
    }
    Ok(())
}

/// Writes the status if it changed; asks to come back when a ready pod becomes available by waiting.
pub async fn update(
    context: &Context,
    set: &ReplicaSet,
    pods: &[Arc<Pod>],
    failure: Option<&Failure>,
    at: Timestamp,
) -> Result<Next, Error> {
    let status = status(set, pods, failure, at);
    if set.status.as_ref() != Some(&status) {
        let mut changed = set.clone();
        changed.status = Some(status.clone());
        context.replica_sets.replace_status(&changed).await?;
    }
    let min_ready = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    let waiting = status.ready_replicas.unwrap_or(0) > status.available_replicas.unwrap_or(0);
    Ok(if waiting && min_ready > 0 { Next::After(Duration::from_secs(1)) } else { Next::Wait })
}

fn status(set: &ReplicaSet, pods: &[Arc<Pod>], failure: Option<&Failure>, at: Timestamp) -> ReplicaSetStatus {
    let spec = set.spec.clone().unwrap_or_default();
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    let template_labels = spec.template.and_then(|template| template.metadata).and_then(|meta| meta.labels);
    let template_labels = template_labels.unwrap_or_default();
    let count = |matching: &dyn Fn(&Pod) -> bool| {
        i32::try_from(pods.iter().filter(|pod| matching(pod)).count()).unwrap_or(i32::MAX)
    };
    let some = |count: i32| (count > 0).then_some(count);
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: some(count(&|pod| {
            template_labels.iter().all(|(name, value)| pod.labels().get(name) == Some(value))
        })),
        ready_replicas: some(count(&|pod| ready_since(pod).is_some())),
        available_replicas: some(count(&|pod| is_available(pod, min_ready, at))),
        observed_generation: set.metadata.generation,
        conditions: conditions(set, failure),
        ..Default::default()
    }
}

/// `ReplicaFailure` while pods cannot be created or deleted; other conditions as they are.
fn conditions(set: &ReplicaSet, failure: Option<&Failure>) -> Option<Vec<ReplicaSetCondition>> {
    let known = set.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
    let (before, mut conditions): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|condition| condition.type_ == REPLICA_FAILURE);
    if let Some(failure) = failure {
        let message = failure.error.to_string();
        let same = before.into_iter().find(|condition| condition.message.as_ref() == Some(&message));
        conditions.push(same.unwrap_or_else(|| ReplicaSetCondition {
            type_: REPLICA_FAILURE.to_owned(),
            status: "True".to_owned(),
            reason: Some(failure.reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(now()),
        }));
    }
    (!conditions.is_empty()).then_some(conditions)
}
