//! The rules of the built-in kinds, step by step, as kstatus has them.

use serde_json::{Value, json};

use super::{Status, assess, changes};

#[track_caller]
fn is(object: &Value, status: Status, message: &str) {
    let health = assess(object, "2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!((health.status, &*health.message), (status, message), "{object}");
}

fn object(api_version: &str, kind: &str, spec: Value, status: Value) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "generation": 1 }, "spec": spec, "status": status })
}

/// Whatever number of a status is off by one says so: one less of those that are waited for, one more of those that must go.
fn steps(whole: &Value, current: &str, faults: &[(&str, i64, &str)]) {
    is(whole, Status::Current, current);
    for (field, number, message) in faults {
        let mut object = whole.clone();
        object["status"][field] = (*number).into();
        is(&object, Status::InProgress, message);
    }
}

#[test]
fn a_deployment_waits_for_each_of_its_numbers() {
    let conditions = json!([
        { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
        { "type": "Available", "status": "True" }]);
    let status = json!({ "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "conditions": conditions });
    let whole = object("apps/v1", "Deployment", json!({ "replicas": 2, "progressDeadlineSeconds": 600 }), status);
    steps(
        &whole,
        "Deployment is available. Replicas: 2",
        &[
            ("replicas", 1, "Replicas: 1/2"),
            ("updatedReplicas", 1, "Updated: 1/2"),
            ("replicas", 3, "Pending termination: 1"),
            ("availableReplicas", 1, "Available: 1/2"),
            ("readyReplicas", 1, "Ready: 1/2"),
        ],
    );
    for condition in [
        json!({ "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated" }),
        json!({ "type": "Progressing", "status": "False", "reason": "NewReplicaSetAvailable" }),
    ] {
        let mut object = whole.clone();
        object["status"]["conditions"][0] = condition;
        is(&object, Status::InProgress, "ReplicaSet not Available");
        // Without a deadline nobody waits for it.
        object["spec"]["progressDeadlineSeconds"] = i32::MAX.into();
        is(&object, Status::Current, "Deployment is available. Replicas: 2");
    }
    let mut unavailable = whole;
    unavailable["status"]["conditions"][1]["status"] = "False".into();
    is(&unavailable, Status::InProgress, "Deployment not Available");
}

#[test]
fn a_replica_set_waits_for_each_of_its_numbers() {
    let status = json!({ "replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "fullyLabeledReplicas": 2 });
    let whole = object("apps/v1", "ReplicaSet", json!({ "replicas": 2 }), status);
    steps(
        &whole,
        "ReplicaSet is available. Replicas: 2",
        &[
            ("fullyLabeledReplicas", 1, "Labelled: 1/2"),
            ("availableReplicas", 1, "Available: 1/2"),
            ("readyReplicas", 1, "Ready: 1/2"),
            ("replicas", 3, "Pending termination: 1"),
        ],
    );
    let mut more = whole.clone();
    for field in ["readyReplicas", "availableReplicas", "fullyLabeledReplicas"] {
        more["status"][field] = 3.into();
    }
    is(&more, Status::Current, "ReplicaSet is available. Replicas: 2");
    for (status, expected, message) in [
        ("True", Status::InProgress, "Replica Failure condition. Check Pods"),
        ("False", Status::Current, "ReplicaSet is available. Replicas: 2"),
    ] {
        let mut object = whole.clone();
        object["status"]["conditions"] = json!([{ "type": "ReplicaFailure", "status": status }]);
        is(&object, expected, message);
    }
}

#[test]
fn a_stateful_set_waits_for_each_of_its_numbers() {
    let status = json!({ "replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2,
        "currentRevision": "a", "updateRevision": "a" });
    let whole = object("apps/v1", "StatefulSet", json!({ "replicas": 2 }), status);
    steps(
        &whole,
        "All replicas scheduled as expected. Replicas: 2",
        &[
            ("replicas", 1, "Replicas: 1/2"),
            ("readyReplicas", 1, "Ready: 1/2"),
            ("replicas", 3, "Pending termination: 1"),
            ("currentReplicas", 1, "current: 1/2"),
        ],
    );
    let mut more = whole.clone();
    (more["status"]["readyReplicas"], more["status"]["currentReplicas"]) = (3.into(), 3.into());
    is(&more, Status::Current, "All replicas scheduled as expected. Replicas: 2");
    let mut updating = whole.clone();
    updating["status"]["updateRevision"] = "b".into();
    is(&updating, Status::InProgress, "Waiting for updated revision to match current");
    for (updated, status, message) in [
        (0, Status::InProgress, "updated: 0/1"),
        (1, Status::Current, "Partition rollout complete. updated: 1"),
        (2, Status::Current, "Partition rollout complete. updated: 2"),
    ] {
        updating["spec"]["updateStrategy"] = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } });
        updating["status"]["updatedReplicas"] = updated.into();
        is(&updating, status, message);
    }
    let on_delete = object("apps/v1", "StatefulSet", json!({ "updateStrategy": { "type": "OnDelete" } }), json!({}));
    is(&on_delete, Status::Current, "StatefulSet is using the ondelete update strategy");
}

#[test]
fn a_daemon_set_waits_for_each_of_its_numbers() {
    let status = json!({ "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2, "numberAvailable": 2, "numberReady": 2 });
    let whole = object("apps/v1", "DaemonSet", json!({}), status);
    steps(
        &whole,
        "All replicas scheduled as expected. Replicas: 2",
        &[
            ("currentNumberScheduled", 1, "Current: 1/2"),
            ("updatedNumberScheduled", 1, "Updated: 1/2"),
            ("numberAvailable", 1, "Available: 1/2"),
            ("numberReady", 1, "Ready: 1/2"),
        ],
    );
    let mut more = whole.clone();
    for field in ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"] {
        more["status"][field] = 3.into();
    }
    is(&more, Status::Current, "All replicas scheduled as expected. Replicas: 2");
    for (part, field, message) in [
        ("metadata", "generation", "DaemonSet metadata.generation not found"),
        ("status", "observedGeneration", "DaemonSet status.observedGeneration not found"),
        ("status", "desiredNumberScheduled", "Missing .status.desiredNumberScheduled"),
    ] {
        let mut object = whole.clone();
        object[part].as_object_mut().unwrap().remove(field);
        is(&object, Status::InProgress, message);
    }
}

#[test]
fn a_pod_is_what_its_phase_says() {
    let pod = |status: Value| object("v1", "Pod", json!({}), status);
    is(&pod(json!({ "phase": "Succeeded" })), Status::Current, "Pod has completed successfully");
    is(&pod(json!({ "phase": "Failed" })), Status::Current, "Pod has completed, but not successfully");
    is(&pod(json!({})), Status::InProgress, "Pod phase not available");
    let running = |ready: &str, reasons: [&str; 2]| {
        let containers = json!([
            { "name": "a", "state": { "waiting": { "reason": reasons[0] } } },
            { "name": "b", "state": { "waiting": { "reason": reasons[1] } } }]);
        pod(
            json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }], "containerStatuses": containers }),
        )
    };
    const CRASH: &str = "CrashLoopBackOff";
    is(&running("True", [CRASH, CRASH]), Status::Current, "Pod is Ready");
    is(&running("False", ["ContainerCreating", "x"]), Status::InProgress, "Pod is running but is not Ready");
    is(&running("False", ["ContainerCreating", CRASH]), Status::Failed, "Containers in CrashLoop state: b");
    is(&running("False", [CRASH, CRASH]), Status::Failed, "Containers in CrashLoop state: a,b");
}

#[test]
fn a_pod_that_no_node_takes_is_given_up_after_fifteen_seconds() {
    let pending = |created: &str, status: &str, reason: &str| {
        let conditions = json!([{ "type": "PodScheduled", "status": status, "reason": reason }]);
        let mut pod = object("v1", "Pod", json!({}), json!({ "phase": "Pending", "conditions": conditions }));
        pod["metadata"]["creationTimestamp"] = created.into();
        pod
    };
    let late = "2025-12-31T23:59:44Z";
    is(&pending(late, "False", "Unschedulable"), Status::Failed, "Pod could not be scheduled");
    is(&pending("2025-12-31T23:59:45Z", "False", "Unschedulable"), Status::InProgress, "Pod has not been scheduled");
    is(&pending(late, "True", "Unschedulable"), Status::InProgress, "Pod is in the Pending phase");
    is(&pending(late, "False", "SchedulingGated"), Status::InProgress, "Pod is in the Pending phase");
}

#[test]
fn a_job_is_done_when_a_condition_that_holds_says_so() {
    let job = |type_: &str, status: &str| {
        let conditions = json!([{ "type": type_, "status": status }]);
        object(
            "batch/v1",
            "Job",
            json!({ "completions": 3 }),
            json!({ "startTime": "x", "succeeded": 3, "conditions": conditions }),
        )
    };
    is(&job("Complete", "True"), Status::Current, "Job Completed. succeeded: 3/3");
    is(&job("Complete", "False"), Status::Current, "Job in progress. success:3, active: 0, failed: 0");
    is(&job("Failed", "False"), Status::Current, "Job in progress. success:3, active: 0, failed: 0");
    is(&job("Suspended", "True"), Status::Current, "Job in progress. success:3, active: 0, failed: 0");
}

#[test]
fn only_a_load_balancer_waits_for_its_address() {
    let service =
        |kind: &str, address: &str| object("v1", "Service", json!({ "type": kind, "clusterIP": address }), json!({}));
    is(&service("LoadBalancer", ""), Status::InProgress, "ClusterIP not set. Service type: LoadBalancer");
    is(&service("LoadBalancer", "10.96.0.9"), Status::Current, "Service is ready");
    is(&service("ClusterIP", ""), Status::Current, "Service is ready");
}

#[test]
fn a_definition_that_is_installing_is_not_failed() {
    let definition = |reason: &str| {
        let conditions = json!([{ "type": "Established", "status": "False", "reason": reason, "message": "m" }]);
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), json!({ "conditions": conditions }))
    };
    is(&definition("Installing"), Status::InProgress, "Install in progress");
    is(&definition("NotAccepted"), Status::Failed, "m");
}

#[test]
fn other_kinds_have_one_health() {
    for (version, kind) in [("batch/v1", "CronJob"), ("v1", "ConfigMap"), ("v1", "Secret")] {
        is(&object(version, kind, json!({}), json!({})), Status::Current, "Resource is always ready");
    }
    let budget = object("policy/v1", "PodDisruptionBudget", json!({}), json!({}));
    is(&budget, Status::Current, "AllowedDisruptions has been computed.");
    is(&object("v1", "PersistentVolumeClaim", json!({}), json!({ "phase": "Bound" })), Status::Current, "PVC is Bound");
    let claim = object("v1", "PersistentVolumeClaim", json!({}), json!({}));
    is(&claim, Status::InProgress, "PVC is not Bound. phase: unknown");
}

#[test]
fn what_has_one_health_need_not_be_watched() {
    for (group, kind) in
        [("", "Secret"), ("rbac.authorization.k8s.io", "Role"), ("batch", "CronJob"), ("events.k8s.io", "Event")]
    {
        assert!(!changes(group, kind), "{kind}");
    }
    for (group, kind) in [("", "Pod"), ("apps", "Deployment"), ("batch", "Job"), ("example.com", "Secret")] {
        assert!(changes(group, kind), "{kind}");
    }
}
