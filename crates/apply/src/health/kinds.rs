//! The rules of the built-in kinds.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::facts::Facts;
use super::{Health, workloads};

/// How long a Pod may wait for a node before it counts as failed.
const SCHEDULE_WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// The health by the rules of the object's kind; `None` for kinds that have none.
pub(super) fn assess(facts: &Facts, now: Timestamp) -> Option<Health> {
    Some(match (facts.group(), facts.kind()) {
        ("apps", "Deployment") => workloads::deployment(facts),
        ("apps", "ReplicaSet") => workloads::replica_set(facts),
        ("apps", "StatefulSet") => workloads::stateful_set(facts),
        ("apps", "DaemonSet") => workloads::daemon_set(facts),
        ("batch", "Job") => job(facts),
        ("batch", "CronJob") | ("", "ConfigMap" | "Secret") => Health::current("Resource is always ready"),
        ("", "Pod") => pod(facts, now),
        ("", "PersistentVolumeClaim") => claim(facts),
        ("", "Service") => service(facts),
        ("policy", "PodDisruptionBudget") => Health::current("AllowedDisruptions has been computed."),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(facts),
        _ => return None,
    })
}

fn job(facts: &Facts) -> Health {
    let parallelism = facts.count("/spec/parallelism", 1);
    let completions = facts.count("/spec/completions", parallelism);
    let [succeeded, active, failed] =
        ["succeeded", "active", "failed"].map(|field| facts.count(&format!("/status/{field}"), 0));
    for condition in facts.conditions().filter(|condition| condition.holds()) {
        match condition.type_ {
            "Complete" => return Health::current(format!("Job Completed. succeeded: {succeeded}/{completions}")),
            "Failed" => return Health::failed(format!("Job Failed. failed: {failed}/{completions}")),
            _ => {}
        }
    }
    if facts.text("/status/startTime").is_none() {
        return Health::in_progress("Job not started");
    }
    Health::current(format!("Job in progress. success:{succeeded}, active: {active}, failed: {failed}"))
}

fn pod(facts: &Facts, now: Timestamp) -> Health {
    match facts.text("/status/phase").unwrap_or_default() {
        "Succeeded" => Health::current("Pod has completed successfully"),
        "Failed" => Health::current("Pod has completed, but not successfully"),
        "Running" => running_pod(facts),
        "Pending" => pending_pod(facts, now),
        _ => Health::in_progress("Pod phase not available"),
    }
}

fn running_pod(facts: &Facts) -> Health {
    if facts.condition("Ready").is_some_and(|ready| ready.holds()) {
        return Health::current("Pod is Ready");
    }
    let containers = facts.value("/status/containerStatuses").and_then(Value::as_array);
    let crashing: Vec<&str> = containers
        .into_iter()
        .flatten()
        .filter(|container| {
            container.pointer("/state/waiting/reason").and_then(Value::as_str) == Some("CrashLoopBackOff")
        })
        .filter_map(|container| container.get("name")?.as_str())
        .collect();
    if !crashing.is_empty() {
        return Health::failed(format!("Containers in CrashLoop state: {}", crashing.join(",")));
    }
    Health::in_progress("Pod is running but is not Ready")
}

fn pending_pod(facts: &Facts, now: Timestamp) -> Health {
    let unschedulable = facts
        .condition("PodScheduled")
        .is_some_and(|scheduled| scheduled.status == "False" && scheduled.reason == "Unschedulable");
    if !unschedulable {
        return Health::in_progress("Pod is in the Pending phase");
    }
    let created = facts.text("/metadata/creationTimestamp").and_then(|time| time.parse::<Timestamp>().ok());
    match created {
        Some(created) if now.duration_since(created) > SCHEDULE_WINDOW => Health::failed("Pod could not be scheduled"),
        _ => Health::in_progress("Pod has not been scheduled"),
    }
}

fn claim(facts: &Facts) -> Health {
    match facts.text("/status/phase").unwrap_or("unknown") {
        "Bound" => Health::current("PVC is Bound"),
        phase => Health::in_progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

fn service(facts: &Facts) -> Health {
    let load_balancer = facts.text("/spec/type") == Some("LoadBalancer");
    if load_balancer && facts.text("/spec/clusterIP").unwrap_or_default().is_empty() {
        return Health::in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Health::current("Service is ready")
}

fn definition(facts: &Facts) -> Health {
    for condition in facts.conditions() {
        match (condition.type_, condition.status) {
            ("NamesAccepted", "False") => return Health::failed(condition.message.to_owned()),
            ("Established", "False") if condition.reason != "Installing" => {
                return Health::failed(condition.message.to_owned());
            }
            ("Established", "True") => return Health::current("CRD is established"),
            _ => {}
        }
    }
    Health::in_progress("Install in progress")
}
