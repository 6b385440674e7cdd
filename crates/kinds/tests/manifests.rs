//! What people commit every day, as the server stores it: valid, and with nothing that Kubernetes' schemas do not
//! know.

use cowherd_kinds::{Kind, all, find_kind};
use cowherd_schema::builtin;
use serde_json::{Value, json};

/// A typical manifest of each kind, as small as people write it.
fn manifests() -> Vec<Value> {
    let pod_spec = json!({"containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]});
    let job_spec = json!({"containers": [{"name": "run", "image": "busybox"}], "restartPolicy": "OnFailure"});
    let selector = json!({"matchLabels": {"app": "web"}});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod_spec});
    let webhook = json!({
        "name": "check.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "hook", "namespace": "default"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
    });
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}});
        for (key, value) in rest.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        object
    };
    let admission = "admissionregistration.k8s.io/v1";
    vec![
        object("v1", "ConfigMap", json!({"data": {"color": "blue"}})),
        object("v1", "Endpoints", json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]})),
        object(
            "v1",
            "Event",
            json!({
                "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
                "reason": "Started", "message": "Started web", "type": "Normal", "source": {"component": "kubelet"}}),
        ),
        object("v1", "LimitRange", json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}})),
        object("v1", "Namespace", json!({})),
        object("v1", "Node", json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}})),
        object(
            "v1",
            "PersistentVolumeClaim",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        ),
        object(
            "v1",
            "PersistentVolume",
            json!({"spec": {
                "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}}}),
        ),
        object("v1", "Pod", json!({"spec": pod_spec})),
        object("v1", "PodTemplate", json!({"template": template})),
        object("v1", "ReplicationController", json!({"spec": {"template": template}})),
        object("v1", "ResourceQuota", json!({"spec": {"hard": {"pods": 10, "limits.cpu": "4000m"}}})),
        object("v1", "Secret", json!({"stringData": {"password": "hunter2"}})),
        object("v1", "ServiceAccount", json!({})),
        object("v1", "Service", json!({"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})),
        object("apps/v1", "ControllerRevision", json!({"revision": 1, "data": {"spec": null}})),
        object("apps/v1", "DaemonSet", json!({"spec": {"selector": selector, "template": template}})),
        object("apps/v1", "Deployment", json!({"spec": {"selector": selector, "template": template}})),
        object("apps/v1", "ReplicaSet", json!({"spec": {"selector": selector, "template": template}})),
        object(
            "apps/v1",
            "StatefulSet",
            json!({"spec": {"selector": selector, "template": template, "serviceName": "web", "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}}),
        ),
        object(
            "events.k8s.io/v1",
            "Event",
            json!({
                "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/x",
                "reportingInstance": "x-1", "action": "Start", "reason": "Started", "type": "Normal",
                "regarding": {"kind": "Pod", "name": "web", "namespace": "default"}, "note": "Started web"}),
        ),
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 5, "scaleTargetRef": {
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
        ),
        object(
            "autoscaling/v1",
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 5, "scaleTargetRef": {
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
        ),
        object(
            "batch/v1",
            "CronJob",
            json!({"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": {"spec": job_spec}}}}}),
        ),
        object("batch/v1", "Job", json!({"spec": {"template": {"spec": job_spec}}})),
        object("networking.k8s.io/v1", "IngressClass", json!({"spec": {"controller": "example.com/ingress"}})),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            json!({"spec": {"rules": [{"host": "web.example.com", "http": {"paths": [{
                "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
        ),
        object(
            "networking.k8s.io/v1",
            "IPAddress",
            json!({
                "metadata": {"name": "10.0.0.1"},
                "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "web"}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({"spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]}}),
        ),
        object("networking.k8s.io/v1", "ServiceCIDR", json!({"spec": {"cidrs": ["10.96.0.0/12"]}})),
        object("policy/v1", "PodDisruptionBudget", json!({"spec": {"minAvailable": 1, "selector": selector}})),
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            json!({
                "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "Group", "name": "all"}]}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            json!({
                "roleRef": {"kind": "Role", "name": "view"},
                "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "default"}]}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "Role",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        object("storage.k8s.io/v1", "CSIDriver", json!({"spec": {}})),
        object(
            "storage.k8s.io/v1",
            "CSINode",
            json!({"spec": {"drivers": [{"name": "disks.example.com", "nodeID": "n1"}]}}),
        ),
        object("storage.k8s.io/v1", "CSIStorageCapacity", json!({"storageClassName": "fast", "capacity": "1024Gi"})),
        object("storage.k8s.io/v1", "StorageClass", json!({"provisioner": "example.com/disks"})),
        object(
            "storage.k8s.io/v1",
            "VolumeAttachment",
            json!({"spec": {
                "attacher": "disks.example.com", "nodeName": "n1", "source": {"persistentVolumeName": "web"}}}),
        ),
        object(
            "storage.k8s.io/v1",
            "VolumeAttributesClass",
            json!({"driverName": "disks.example.com", "parameters": {"iops": "100"}}),
        ),
        object(admission, "MutatingWebhookConfiguration", json!({"webhooks": [webhook]})),
        object(admission, "ValidatingWebhookConfiguration", json!({"webhooks": [webhook]})),
        object(
            admission,
            "ValidatingAdmissionPolicy",
            json!({"spec": {
                "matchConstraints": {"resourceRules": [{
                    "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]},
                "validations": [{"expression": "true"}]}}),
        ),
        object(
            admission,
            "ValidatingAdmissionPolicyBinding",
            json!({"spec": {"policyName": "web", "validationActions": ["Deny"]}}),
        ),
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            json!({
                "metadata": {"name": "widgets.example.com"},
                "spec": {
                    "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                    "versions": [{
                        "name": "v1", "served": true, "storage": true,
                        "schema": {"openAPIV3Schema": {"type": "object"}}}]}}),
        ),
        object("scheduling.k8s.io/v1", "PriorityClass", json!({"value": 1000})),
        object(
            "coordination.k8s.io/v1",
            "Lease",
            json!({"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}),
        ),
        object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}),
        ),
    ]
}

fn kind_of(object: &Value) -> &'static Kind {
    let api_version = object["apiVersion"].as_str().expect("an apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = object["kind"].as_str().expect("a kind");
    find_kind(group, version, kind).unwrap_or_else(|| panic!("{api_version} {kind}"))
}

/// What the server makes of a new object, whose identity it fills in before the kind's own rules.
fn created(mut object: Value) -> Value {
    let kind = kind_of(&object);
    if kind.namespaced {
        object["metadata"]["namespace"] = json!("default");
    }
    object["metadata"]["uid"] = json!("6f1c2f4e-0000-4000-8000-000000000000");
    kind.default(&mut object);
    kind.prepare_create(&mut object);
    object
}

#[test]
fn every_kind_has_a_manifest_here() {
    let kinds: Vec<String> = manifests().iter().map(|object| format!("{:?}", kind_of(object))).collect();
    for kind in all() {
        assert!(kinds.contains(&format!("{kind:?}")), "{kind:?}");
    }
}

#[test]
fn every_manifest_is_valid_and_known_to_its_schema_once_filled_in() {
    for manifest in manifests() {
        let kind = kind_of(&manifest);
        let schema = builtin::definition(kind.definition).unwrap_or_else(|| panic!("{}", kind.definition));
        let object = created(manifest);
        assert_eq!(kind.validate_create(&object), [], "{kind:?}");
        assert_eq!(schema.unknown_fields(&object), [], "{kind:?}");
        // Kubernetes answers null where its schemas have no place for it, such as for times that there are not.
        let mut given = object.clone();
        cowherd_kinds::encoding::without_nulls(&mut given, schema);
        // A status is not complete before a controller writes it.
        let mistakes: Vec<String> = schema
            .validate(&given)
            .iter()
            .map(ToString::to_string)
            .filter(|mistake| !mistake.starts_with("status."))
            .collect();
        assert_eq!(mistakes, [""; 0], "{kind:?}");
    }
}

#[test]
fn what_was_stored_can_be_stored_again_unchanged() {
    for manifest in manifests() {
        let kind = kind_of(&manifest);
        let old = created(manifest);
        let mut new = old.clone();
        kind.default(&mut new);
        kind.prepare_update(&mut new, &old, None);
        assert_eq!(new, old, "{kind:?}");
        assert_eq!(kind.validate_update(&new, &old), [], "{kind:?}");
        let stored = kind.to_storage(old.clone());
        assert_eq!(kind_of(&stored).plural, kind.storage().plural);
        let mut again = kind.from_storage(stored);
        kind.default(&mut again);
        assert_eq!(again, old, "{kind:?}");
    }
}

#[test]
fn manifests_are_filled_in_as_kubernetes_fills_them() {
    for manifest in manifests() {
        let kind = kind_of(&manifest);
        let name = format!("{}_{}", kind.api_version().replace('/', "_"), kind.kind);
        insta::assert_json_snapshot!(name, created(manifest));
    }
}

#[test]
fn rows_have_a_cell_for_each_column() {
    let now = "2026-01-01T01:00:00Z".parse().expect("a time");
    let rows: Vec<String> = manifests()
        .into_iter()
        .map(|manifest| {
            let kind = kind_of(&manifest);
            let mut object = created(manifest);
            object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
            let cells = kind.row(&object, now);
            let columns = kind.columns().iter();
            let pairs = columns.zip(&cells).map(|(column, cell)| format!("{}={cell}", column.name.to_uppercase()));
            format!("{kind:?}: {}", pairs.collect::<Vec<_>>().join(" "))
        })
        .collect();
    insta::assert_json_snapshot!("rows", rows);
}
