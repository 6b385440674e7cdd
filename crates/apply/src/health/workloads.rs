//! The rules of the kinds that keep Pods.

use super::Health;
use super::facts::Facts;

fn counts<const N: usize>(facts: &Facts, fields: [&str; N]) -> [i64; N] {
    fields.map(|field| facts.count(&format!("/status/{field}"), 0))
}

/// The first step of a rollout that is not done yet.
fn first_unfinished(steps: impl IntoIterator<Item = (bool, String)>) -> Option<Health> {
    steps.into_iter().find(|(unfinished, _)| *unfinished).map(|(_, message)| Health::in_progress(message))
}

pub(super) fn deployment(facts: &Facts) -> Health {
    // A Deployment without a deadline never gets the condition.
    let deadline = facts.count("/spec/progressDeadlineSeconds", i64::from(i32::MAX));
    let mut progressed = deadline == i64::from(i32::MAX);
    if let Some(progressing) = facts.condition("Progressing") {
        if progressing.reason == "ProgressDeadlineExceeded" {
            return Health::failed("Progress deadline exceeded");
        }
        progressed |= progressing.holds() && progressing.reason == "NewReplicaSetAvailable";
    }
    let is_available = facts.condition("Available").is_some_and(|available| available.holds());
    let wanted = facts.count("/spec/replicas", 1);
    let [replicas, updated, ready, available] =
        counts(facts, ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]);
    first_unfinished([
        (wanted > replicas, format!("Replicas: {replicas}/{wanted}")),
        (wanted > updated, format!("Updated: {updated}/{wanted}")),
        (replicas > wanted, format!("Pending termination: {}", replicas.saturating_sub(wanted))),
        (updated > available, format!("Available: {available}/{updated}")),
        (wanted > ready, format!("Ready: {ready}/{wanted}")),
        (!progressed, "ReplicaSet not Available".to_owned()),
        (!is_available, "Deployment not Available".to_owned()),
    ])
    .unwrap_or_else(|| Health::current(format!("Deployment is available. Replicas: {replicas}")))
}

pub(super) fn replica_set(facts: &Facts) -> Health {
    if facts.condition("ReplicaFailure").is_some_and(|failure| failure.holds()) {
        return Health::in_progress("Replica Failure condition. Check Pods");
    }
    let wanted = facts.count("/spec/replicas", 1);
    let [replicas, ready, available, labelled] =
        counts(facts, ["replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"]);
    first_unfinished([
        (wanted > labelled, format!("Labelled: {labelled}/{wanted}")),
        (wanted > available, format!("Available: {available}/{wanted}")),
        (wanted > ready, format!("Ready: {ready}/{wanted}")),
        (replicas > wanted, format!("Pending termination: {}", replicas.saturating_sub(wanted))),
    ])
    .unwrap_or_else(|| Health::current(format!("ReplicaSet is available. Replicas: {replicas}")))
}

pub(super) fn stateful_set(facts: &Facts) -> Health {
    if facts.text("/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = facts.count("/spec/replicas", 1);
    let [replicas, ready, current, updated] =
        counts(facts, ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"]);
    let counted = first_unfinished([
        (wanted > replicas, format!("Replicas: {replicas}/{wanted}")),
        (wanted > ready, format!("Ready: {ready}/{wanted}")),
        (replicas > wanted, format!("Pending termination: {}", replicas.saturating_sub(wanted))),
    ]);
    if let Some(unfinished) = counted {
        return unfinished;
    }
    if let Some(partition) = facts.integer("/spec/updateStrategy/rollingUpdate/partition") {
        let wanted = wanted.saturating_sub(partition);
        return if updated < wanted {
            Health::in_progress(format!("updated: {updated}/{wanted}"))
        } else {
            Health::current(format!("Partition rollout complete. updated: {updated}"))
        };
    }
    let revisions_differ = facts.text("/status/currentRevision") != facts.text("/status/updateRevision");
    first_unfinished([
        (wanted > current, format!("current: {current}/{wanted}")),
        (revisions_differ, "Waiting for updated revision to match current".to_owned()),
    ])
    .unwrap_or_else(|| Health::current(format!("All replicas scheduled as expected. Replicas: {replicas}")))
}

pub(super) fn daemon_set(facts: &Facts) -> Health {
    if facts.integer("/metadata/generation").is_none() {
        return Health::in_progress("DaemonSet metadata.generation not found");
    }
    if facts.integer("/status/observedGeneration").is_none() {
        return Health::in_progress("DaemonSet status.observedGeneration not found");
    }
    let Some(wanted) = facts.integer("/status/desiredNumberScheduled") else {
        return Health::in_progress("Missing .status.desiredNumberScheduled");
    };
    let [current, updated, available, ready] =
        counts(facts, ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"]);
    first_unfinished([
        (wanted > current, format!("Current: {current}/{wanted}")),
        (wanted > updated, format!("Updated: {updated}/{wanted}")),
        (wanted > available, format!("Available: {available}/{wanted}")),
        (wanted > ready, format!("Ready: {ready}/{wanted}")),
    ])
    .unwrap_or_else(|| Health::current(format!("All replicas scheduled as expected. Replicas: {wanted}")))
}
