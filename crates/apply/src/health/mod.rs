//! Whether an object is as it should be: kstatus's rules, as a pure function.
//!
//! What is common to all objects decides first (deletion, an unobserved generation, the conditions `Reconciling` and
//! `Stalled`), then the rules of the kind, then a condition `Ready`; an object that has none of these is as it
//! should be because it exists.

pub mod actors;
pub mod assumed;
mod expressions;
mod facts;
mod idle;
mod kinds;
#[cfg(test)]
mod kinds_tests;
mod readable;
mod workloads;

pub(crate) use expressions::Expressions;
pub use expressions::{ExpressionsError, Judge, Judges, Written};

use std::borrow::Cow;

use facts::{Condition, Facts};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is as its spec says.
    Current,
    /// It is on its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is being deleted.
    Terminating,
    /// It does not exist.
    NotFound,
    /// Nothing is known of it.
    Unknown,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        })
    }
}

/// How far an object is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How far it is.
    pub status: Status,
    /// Why, for a person. It is mostly one of few sentences, and kept of each object.
    pub message: Cow<'static, str>,
}

impl Health {
    fn current(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Current, message: message.into() }
    }

    fn in_progress(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::InProgress, message: message.into() }
    }

    fn failed(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Failed, message: message.into() }
    }

    /// The health of an object that does not exist.
    pub fn not_found() -> Self {
        Self { status: Status::NotFound, message: "Resource not found".into() }
    }
}

/// The health of `object`, which must be whole, its status included. The time decides when a Pod that no node
/// takes is given up.
pub fn assess(object: &Value, now: Timestamp) -> Health {
    let facts = Facts::new(object);
    common(&facts)
        .or_else(|| kinds::assess(&facts, now))
        .or_else(|| ready(&facts))
        .unwrap_or_else(|| Health::current("Resource is current"))
}

/// Whether the health of objects of this kind can change after they were written. Of the others nothing needs to
/// be watched.
pub fn changes(group: &str, kind: &str) -> bool {
    !matches!(
        (group, kind),
        (
            "",
            "ConfigMap"
                | "Secret"
                | "ServiceAccount"
                | "LimitRange"
                | "ResourceQuota"
                | "Namespace"
                | "Endpoints"
                | "Event"
        ) | ("rbac.authorization.k8s.io", _)
            | ("batch", "CronJob")
            | ("networking.k8s.io", "Ingress" | "IngressClass" | "NetworkPolicy")
            | ("scheduling.k8s.io" | "storage.k8s.io" | "coordination.k8s.io" | "discovery.k8s.io", _)
            | ("admissionregistration.k8s.io" | "events.k8s.io" | "node.k8s.io", _)
            | ("autoscaling", "HorizontalPodAutoscaler")
    )
}

fn common(facts: &Facts) -> Option<Health> {
    if facts.text("/metadata/deletionTimestamp").is_some() {
        return Some(Health { status: Status::Terminating, message: "Resource scheduled for deletion".into() });
    }
    if let Some(behind) = behind(facts, &format!("{} ", facts.kind())) {
        return Some(behind);
    }
    facts.conditions().filter(|condition| condition.holds()).find_map(|condition| match condition.type_ {
        "Reconciling" => Some(Health::in_progress(condition.message.to_owned())),
        "Stalled" => Some(Health::failed(condition.message.to_owned())),
        _ => None,
    })
}

/// The health of an object whose controller has not done what is asked for now, if it has not; `whose` stands before the words. The
/// reason is what the object says of itself, where it is not Ready: one that fails from the start observes nothing.
fn behind(facts: &Facts, whose: &str) -> Option<Health> {
    let (generation, observed) = (facts.integer("/metadata/generation")?, facts.integer("/status/observedGeneration")?);
    if generation == observed {
        return None;
    }
    let is_told = |condition: &Condition| !condition.holds() && !condition.message.is_empty();
    let why = facts.condition("Ready").filter(is_told);
    let why = why.map_or_else(String::new, |condition| format!("; it is not Ready: {}", condition.message));
    Some(Health::in_progress(format!(
        "{whose}generation is {generation}, but latest observed generation is {observed}{why}"
    )))
}

fn ready(facts: &Facts) -> Option<Health> {
    let condition = facts.condition("Ready")?;
    Some(match condition.status {
        "True" => Health::current("Resource is Ready"),
        _ => Health::in_progress(condition.message.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn health(object: Value) -> (Status, String) {
        let health = assess(&object, "2026-01-01T00:00:00Z".parse().unwrap());
        (health.status, health.message.into_owned())
    }

    fn is(status: Status, message: &str) -> (Status, String) {
        (status, message.to_owned())
    }

    #[test]
    fn what_is_common_to_all_objects_decides_first() {
        assert_eq!(
            health(json!({ "kind": "X", "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } })),
            is(Status::Terminating, "Resource scheduled for deletion")
        );
        assert_eq!(
            health(json!({ "kind": "X", "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } })),
            is(Status::InProgress, "X generation is 2, but latest observed generation is 1")
        );
        let conditions = |type_: &str| json!([{ "type": type_, "status": "True", "reason": "R", "message": "m" }]);
        assert_eq!(
            health(json!({ "kind": "X", "status": { "conditions": conditions("Reconciling") } })),
            is(Status::InProgress, "m")
        );
        assert_eq!(
            health(json!({ "kind": "X", "status": { "conditions": conditions("Stalled") } })),
            is(Status::Failed, "m")
        );
        assert_eq!(
            health(json!({ "kind": "X", "status": { "conditions": conditions("Ready") } })),
            is(Status::Current, "Resource is Ready")
        );
        assert_eq!(health(json!({ "kind": "X" })), is(Status::Current, "Resource is current"));
    }

    #[test]
    fn what_observed_nothing_yet_says_why_where_it_knows() {
        let source = |ready: &str, message: &str| {
            json!({ "kind": "HelmRepository", "metadata": { "generation": 1 }, "status": {
                "observedGeneration": -1,
                "conditions": [{ "type": "Ready", "status": ready, "reason": "R", "message": message }] } })
        };
        let behind = "HelmRepository generation is 1, but latest observed generation is -1";
        let refused = format!("{behind}; it is not Ready: Connection refused");
        assert_eq!(health(source("False", "Connection refused")), is(Status::InProgress, &refused));
        // What was Ready once has no reason for what is asked for now.
        assert_eq!(health(source("True", "stored artifact")), is(Status::InProgress, behind));
        assert_eq!(health(source("Unknown", "")), is(Status::InProgress, behind));
    }

    #[test]
    fn a_custom_resource_that_is_not_ready_is_on_its_way() {
        let object = json!({ "kind": "X", "status": { "conditions": [
            { "type": "Ready", "status": "False", "reason": "R", "message": "waiting" }] } });
        assert_eq!(health(object), is(Status::InProgress, "waiting"));
    }

    fn deployment(spec: Value, status: Value) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "generation": 1 }, "spec": spec, "status": status })
    }

    #[test]
    fn a_deployment_counts_its_replicas_one_after_the_other() {
        let spec = || json!({ "replicas": 2, "progressDeadlineSeconds": 600 });
        let rolled_out = json!([
            { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
            { "type": "Available", "status": "True" }]);
        assert_eq!(health(deployment(spec(), json!({}))), is(Status::InProgress, "Replicas: 0/2"));
        assert_eq!(health(deployment(spec(), json!({ "replicas": 2 }))), is(Status::InProgress, "Updated: 0/2"));
        assert_eq!(
            health(deployment(spec(), json!({ "replicas": 3, "updatedReplicas": 2 }))),
            is(Status::InProgress, "Pending termination: 1")
        );
        assert_eq!(
            health(deployment(spec(), json!({ "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1 }))),
            is(Status::InProgress, "Available: 1/2")
        );
        let all = json!({ "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2,
            "observedGeneration": 1, "conditions": rolled_out });
        assert_eq!(health(deployment(spec(), all)), is(Status::Current, "Deployment is available. Replicas: 2"));
        let late = json!({ "conditions": [
            { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }] });
        assert_eq!(health(deployment(spec(), late)), is(Status::Failed, "Progress deadline exceeded"));
    }

    #[test]
    fn a_deployment_of_no_replicas_is_healthy_once_it_was_observed() {
        let spec = || json!({ "replicas": 0, "progressDeadlineSeconds": 600 });
        assert_eq!(health(deployment(spec(), json!({}))), is(Status::InProgress, "ReplicaSet not Available"));
        let observed = json!({ "observedGeneration": 1, "conditions": [
            { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
            { "type": "Available", "status": "True" }] });
        assert_eq!(health(deployment(spec(), observed)), is(Status::Current, "Deployment is available. Replicas: 0"));
    }

    #[test]
    fn jobs_and_pods_end_well_or_badly() {
        let job = |status: Value| json!({ "apiVersion": "batch/v1", "kind": "Job", "status": status });
        assert_eq!(health(job(json!({}))), is(Status::InProgress, "Job not started"));
        assert_eq!(
            health(job(json!({ "startTime": "x", "active": 1 }))),
            is(Status::Current, "Job in progress. success:0, active: 1, failed: 0")
        );
        let failed = json!({ "failed": 1, "conditions": [{ "type": "Failed", "status": "True" }] });
        assert_eq!(health(job(failed)), is(Status::Failed, "Job Failed. failed: 1/1"));
        let pod = |created: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "creationTimestamp": created },
                "status": { "phase": "Pending", "conditions": [
                    { "type": "PodScheduled", "status": "False", "reason": "Unschedulable" }] } })
        };
        assert_eq!(health(pod("2025-12-31T23:59:50Z")), is(Status::InProgress, "Pod has not been scheduled"));
        assert_eq!(health(pod("2025-12-31T23:59:00Z")), is(Status::Failed, "Pod could not be scheduled"));
    }

    #[test]
    fn a_definition_is_healthy_when_it_is_established() {
        let crd = |conditions: Value| {
            json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "status": { "conditions": conditions } })
        };
        assert_eq!(health(crd(json!([]))), is(Status::InProgress, "Install in progress"));
        assert_eq!(
            health(crd(json!([{ "type": "Established", "status": "True" }]))),
            is(Status::Current, "CRD is established")
        );
        assert_eq!(
            health(crd(json!([{ "type": "NamesAccepted", "status": "False", "message": "taken" }]))),
            is(Status::Failed, "taken")
        );
    }
}
