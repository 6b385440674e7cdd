//! How objects are changed.

use http::Method;
use serde_json::{Value, json};

use super::{MAPS, map};
use crate::support::{local, request::*};

#[tokio::test]
async fn whoever_changes_an_old_version_is_told() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let (_, made) = post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let mut changed = made.clone();
    changed["data"]["k"] = json!("2");
    let (code, changed) = put(&client, &uri, changed).await;
    assert_eq!(code, 200);
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    let (code, stale) = put(&client, &uri, made.clone()).await;
    let words = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
                 changes to the latest version and try again";
    assert_eq!((code, message(&stale)), (409, words));
    // Who names no version means whatever there is.
    let (code, _) = put(&client, &uri, map("a", json!({"k": "3"}))).await;
    assert_eq!(code, 200);
    let (code, status) = put(&client, &format!("{MAPS}/b"), map("b", json!({}))).await;
    assert_eq!((code, message(&status)), (404, "configmaps \"b\" not found"));
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (_, made) = post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let uri = format!("{MAPS}/a");
    let (_, same) = put(&client, &uri, made.clone()).await;
    assert_eq!(same, made);
    let (_, same) = merge(&client, &uri, json!({"data": {"k": "1"}})).await;
    assert_eq!(same, made);
    let applied = format!("{uri}?fieldManager=me");
    let (_, first) = apply(&client, &applied, map("a", json!({"k": "1"}))).await;
    let (_, second) = apply(&client, &applied, map("a", json!({"k": "1"}))).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_dry_run_answers_and_writes_nothing() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, made) = post(&client, &format!("{MAPS}?dryRun=All"), map("a", json!({}))).await;
    assert_eq!((code, made["metadata"]["name"].as_str()), (201, Some("a")));
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.0, 404);
    post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let (_, patched) = merge(&client, &format!("{MAPS}/a?dryRun=All"), json!({"data": {"k": "2"}})).await;
    assert_eq!(patched["data"]["k"], "2");
    delete(&client, &format!("{MAPS}/a?dryRun=All"), Value::Null).await;
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.1["data"]["k"], "1");
    let (code, status) = post(&client, &format!("{MAPS}?dryRun=some"), map("b", json!({}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).contains("dryRun: Unsupported value: \"some\": supported values: \"All\""), "{status}");
}

#[tokio::test]
async fn applies_share_an_object_and_conflicts_name_the_other() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let (code, made) = apply(&client, &format!("{uri}?fieldManager=one"), map("a", json!({"k": "1", "l": "1"}))).await;
    assert_eq!(code, 201, "{made}");
    let (code, status) = apply(&client, &format!("{uri}?fieldManager=two"), map("a", json!({"k": "2"}))).await;
    assert_eq!((code, message(&status)), (409, "Apply failed with 1 conflict: conflict with \"one\": .data.k"));
    assert_eq!(status["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let (code, forced) =
        apply(&client, &format!("{uri}?fieldManager=two&force=true"), map("a", json!({"k": "2"}))).await;
    assert_eq!((code, &forced["data"]), (200, &json!({"k": "2", "l": "1"})));
    // What an owner no longer names goes; what another one owns stays.
    let (_, left) = apply(&client, &format!("{uri}?fieldManager=one"), map("a", json!({}))).await;
    assert_eq!(left["data"], json!({"k": "2"}));
    let (code, status) = apply(&client, &uri, map("a", json!({}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).contains("fieldManager: Required value: is required for apply patch"), "{status}");
}

#[tokio::test]
async fn patches_of_every_kind_change_a_deployment() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = "/apis/apps/v1/namespaces/default/deployments/web";
    let wanted = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}, {"name": "log", "image": "log:1"}]},
            },
        },
    });
    let (code, made) = apply(&client, &format!("{uri}?fieldManager=me"), wanted).await;
    assert_eq!((code, &made["spec"]["replicas"], &made["metadata"]["generation"]), (201, &json!(1), &json!(1)));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:2"}]}}}});
    let (_, patched) = call(&client, Method::PATCH, uri, "application/strategic-merge-patch+json", patch).await;
    let containers = &patched["spec"]["template"]["spec"]["containers"];
    assert_eq!((&containers[0]["image"], &containers[1]["image"]), (&json!("nginx:1"), &json!("log:2")));
    assert_eq!(patched["metadata"]["generation"], 2);
    let patch = json!([{"op": "test", "path": "/spec/replicas", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 3}]);
    let (_, patched) = call(&client, Method::PATCH, uri, "application/json-patch+json", patch.clone()).await;
    assert_eq!(patched["spec"]["replicas"], 3);
    let (code, _) = call(&client, Method::PATCH, uri, "application/json-patch+json", patch).await;
    assert_eq!(code, 422);
    let (_, patched) = merge(&client, uri, json!({"spec": {"replicas": null}})).await;
    assert_eq!(patched["spec"]["replicas"], 1);
    let (code, status) = call(&client, Method::PATCH, uri, "text/plain", json!({})).await;
    assert_eq!(code, 415, "{status}");
    let (code, status) =
        merge(&client, uri, json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}})).await;
    assert_eq!(code, 409, "{status}");
}

#[tokio::test]
async fn spec_and_status_are_changed_apart() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = "/apis/apps/v1/namespaces/default/replicasets/web";
    let wanted = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "status": {"replicas": 7},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}},
        },
    });
    let (_, made) = post(&client, "/apis/apps/v1/namespaces/default/replicasets", wanted).await;
    assert_ne!(made["status"]["replicas"], 7);
    let (_, changed) =
        merge(&client, &format!("{uri}/status"), json!({"status": {"replicas": 1}, "spec": {"replicas": 9}})).await;
    assert_eq!((&changed["status"]["replicas"], &changed["spec"]["replicas"]), (&json!(1), &json!(1)));
    assert_eq!(changed["metadata"]["generation"], 1);
    let owners = changed["metadata"]["managedFields"].as_array().unwrap();
    assert!(owners.iter().any(|owner| owner["subresource"] == "status"), "{owners:?}");
    let (_, changed) = merge(&client, uri, json!({"status": {"replicas": 5}, "spec": {"replicas": 2}})).await;
    assert_eq!((&changed["status"]["replicas"], &changed["spec"]["replicas"]), (&json!(1), &json!(2)));
    assert_eq!(changed["metadata"]["generation"], 2);
    let (_, scale) = get(&client, &format!("{uri}/scale")).await;
    assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
    assert_eq!((&scale["status"]["replicas"], &scale["status"]["selector"]), (&json!(1), &json!("app=web")));
    let mut more = scale;
    more["spec"]["replicas"] = json!(4);
    let (code, scaled) = put(&client, &format!("{uri}/scale"), more.clone()).await;
    assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(4)));
    let (code, _) = put(&client, &format!("{uri}/scale"), more).await;
    assert_eq!(code, 409);
}

#[tokio::test]
async fn concurrent_patches_all_arrive() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({}))).await;
    let patches = (0..20).map(|number| {
        let client = client.clone();
        tokio::spawn(
            async move { merge(&client, &format!("{MAPS}/a"), json!({"data": {format!("k{number}"): "v"}})).await },
        )
    });
    for patch in patches.collect::<Vec<_>>() {
        assert_eq!(patch.await.unwrap().0, 200);
    }
    let (_, object) = get(&client, &format!("{MAPS}/a")).await;
    assert_eq!(object["data"].as_object().unwrap().len(), 20);
}
