//! What an update of the status changes besides: of each kind that has one, as a real kube-apiserver does it.

use serde_json::{Value, json};

use crate::cluster::{Asked, Cluster, Recorded};

/// An object of each kind with a `status`: where it is, what it is.
pub fn objects() -> Vec<(&'static str, Value)> {
    let containers = json!([{"name": "web", "image": "nginx"}]);
    let selector = json!({"matchLabels": {"app": "web"}});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}});
    let workload = json!({"selector": selector, "template": template});
    let job = json!({"template": {"spec": {"containers": containers, "restartPolicy": "OnFailure"}}});
    let volume = json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/d"}});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let scaler =
        json!({"maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}});
    let attached = json!({"attacher": "a.b", "nodeName": "n", "source": {"persistentVolumeName": "pv"}});
    let rule = json!({"operations": ["CREATE"], "apiGroups": ["x"], "apiVersions": ["v1"], "resources": ["y"]});
    let policy = json!({"validations": [{"expression": "true"}], "matchConstraints": {"resourceRules": [rule]}});
    let backend = json!({"defaultBackend": {"service": {"name": "w", "port": {"number": 80}}}});
    vec![
        ("/apis/apps/v1/namespaces/walk/deployments", workload.clone()),
        ("/apis/apps/v1/namespaces/walk/replicasets", workload.clone()),
        ("/apis/apps/v1/namespaces/walk/daemonsets", workload.clone()),
        ("/apis/apps/v1/namespaces/walk/statefulsets", workload),
        ("/apis/batch/v1/namespaces/walk/jobs", job.clone()),
        ("/apis/batch/v1/namespaces/walk/cronjobs", json!({"schedule": "*/5 * * * *", "jobTemplate": {"spec": job}})),
        ("/api/v1/namespaces/walk/pods", json!({"containers": containers, "automountServiceAccountToken": false})),
        ("/api/v1/namespaces/walk/services", json!({"ports": [{"port": 80}]})),
        ("/api/v1/namespaces/walk/replicationcontrollers", json!({"selector": {"app": "web"}, "template": template})),
        ("/api/v1/namespaces/walk/resourcequotas", json!({"hard": {"pods": 10}})),
        ("/api/v1/namespaces/walk/persistentvolumeclaims", claim),
        ("/api/v1/persistentvolumes", volume),
        ("/api/v1/namespaces", json!({})),
        ("/api/v1/nodes", json!({})),
        ("/apis/networking.k8s.io/v1/namespaces/walk/ingresses", backend),
        ("/apis/networking.k8s.io/v1/servicecidrs", json!({"cidrs": ["10.200.0.0/16"]})),
        ("/apis/policy/v1/namespaces/walk/poddisruptionbudgets", json!({"minAvailable": 1, "selector": selector})),
        ("/apis/autoscaling/v2/namespaces/walk/horizontalpodautoscalers", scaler),
        ("/apis/storage.k8s.io/v1/volumeattachments", attached),
        ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", policy),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition()),
        ("/apis/statuses.example.org/v1/namespaces/walk/webs", json!({"a": 1})),
    ]
}

fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "group": "statuses.example.org", "scope": "Namespaced", "names": {"plural": "webs", "kind": "Web"},
        "versions": [{
            "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": schema},
        }],
    })
}

/// How the status is updated.
#[derive(Clone, Copy, Debug)]
enum Way {
    Put,
    Merge,
    Json,
    Apply,
}

/// What of the metadata comes with a status.
async fn changed(cluster: &Cluster, path: &str, spec: &Value, way: Way) -> Value {
    let is_definition = path.ends_with("customresourcedefinitions");
    let name =
        if is_definition { "webs.statuses.example.org".to_owned() } else { format!("status-{way:?}").to_lowercase() };
    let object = json!({
        "metadata": {"name": name, "labels": {"l": "before"}, "annotations": {"example.org/a": "before"}}, "spec": spec,
    });
    let mut object = object;
    if path.contains("statuses.example.org") {
        object["apiVersion"] = "statuses.example.org/v1".into();
        object["kind"] = "Web".into();
    }
    let made = cluster.ask("POST", path, object).await;
    assert!(matches!(made.code, 201 | 409), "{path}: {}", made.message());
    let uri = format!("{path}/{name}");
    let reset = json!({"metadata": {
        "labels": {"l": "before"}, "annotations": {"example.org/a": "before"}, "ownerReferences": null,
        "finalizers": is_definition.then(|| json!(["customresourcecleanup.apiextensions.k8s.io"])),
    }});
    let mut attempts = 0;
    // A controller, or the server itself, may have been faster.
    let answered = loop {
        cluster.ask("PATCH", &uri, reset.clone()).await;
        let mut new = cluster.ask("GET", &uri, Value::Null).await.document;
        let mut finalizers = new["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        finalizers.push("example.org/f".into());
        let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"});
        let change = json!({
            "labels": {"l": "after"}, "annotations": {"example.org/a": "after"}, "finalizers": finalizers,
            "ownerReferences": [owner],
        });
        let fields = change.as_object().unwrap();
        let (method, kind, body) = match way {
            Way::Put => {
                new["metadata"].as_object_mut().unwrap().extend(fields.clone());
                ("PUT", "application/json", new)
            }
            Way::Merge => ("PATCH", "application/merge-patch+json", json!({"metadata": change})),
            Way::Json => {
                let add = |(field, value)| json!({"op": "add", "path": format!("/metadata/{field}"), "value": value});
                let change: Vec<Value> = fields.iter().map(add).collect();
                ("PATCH", "application/json-patch+json", json!(change))
            }
            Way::Apply => {
                let mut applied = json!({"apiVersion": new["apiVersion"], "kind": new["kind"], "metadata": change});
                applied["metadata"]["name"] = name.as_str().into();
                applied["metadata"]["finalizers"] = json!(["example.org/f"]);
                ("PATCH", "application/apply-patch+yaml", applied)
            }
        };
        let path = match way {
            Way::Apply => format!("{uri}/status?fieldManager=applier&force=true"),
            _ => format!("{uri}/status"),
        };
        let asked = Asked { method, path: &path, headers: vec![("content-type", kind.as_bytes())], body };
        let answered = asked.of(&cluster.admin).await;
        attempts += 1;
        if answered.code != 409 || attempts == 20 {
            break answered;
        }
    };
    let metadata = &answered.document["metadata"];
    let has = |field: &str| metadata.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let finalizers = metadata["finalizers"].as_array().cloned().unwrap_or_default();
    let mut outcome = json!({
        "code": answered.code, "label": metadata["labels"]["l"], "annotation": metadata["annotations"]["example.org/a"],
        "finalizer": finalizers.iter().any(|name| name == "example.org/f"), "owner": has("ownerReferences"),
    });
    if matches!(way, Way::Apply) {
        // Whoever a value is from owns it.
        let owners = metadata["managedFields"].as_array().cloned().unwrap_or_default();
        let (applier, others): (Vec<_>, Vec<_>) = owners.iter().partition(|owner| owner["manager"] == "applier");
        outcome["applied"] = applier.iter().map(|owner| owner["fieldsV1"]["f:metadata"].clone()).collect();
        let owns = |pointer: &str| others.iter().any(|owner| owner["fieldsV1"].pointer(pointer).is_some());
        outcome["still"] = json!({
            "label": owns("/f:metadata/f:labels/f:l"), "annotation": owns("/f:metadata/f:annotations/f:example.org~1a"),
        });
    }
    cluster.ask("PATCH", &uri, reset).await;
    if !is_definition {
        cluster.ask("DELETE", &uri, json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"})).await;
    }
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_brings_the_metadata_along_that_it_brings_in_kubernetes() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("statuses").await;
    let mut others = Vec::new();
    for (path, spec) in &objects() {
        for way in [Way::Put, Way::Merge, Way::Json, Way::Apply] {
            let asked = format!("{way:?} {path}");
            let real = recorded.answer(&asked, |real| async move { changed(&real, path, spec, way).await }).await;
            let mut ours = changed(&ours, path, spec, way).await;
            if asked == "Apply /apis/apiextensions.k8s.io/v1/customresourcedefinitions" {
                // There, the values change and stay with whom they were from. Here, who sets them owns them.
                assert_eq!(ours["still"], json!({"label": false, "annotation": false}));
                for field in ["applied", "still"] {
                    ours[field] = real[field].clone();
                }
            }
            if ours != real {
                others.push(format!("{asked}\n  ours {ours}\n  real {real}"));
            }
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}
