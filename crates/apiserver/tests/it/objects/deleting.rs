//! How objects go.

use serde_json::{Value, json};

use super::{MAPS, map};
use crate::support::{local, request::*};

#[tokio::test]
async fn an_object_with_finalizers_goes_when_the_last_is_taken_away() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let mut wanted = map("a", json!({}));
    wanted["metadata"]["finalizers"] = json!(["example.org/keep"]);
    post(&client, MAPS, wanted).await;
    let (code, going) = delete(&client, &uri, Value::Null).await;
    assert_eq!(code, 200);
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
    let (_, again) = delete(&client, &uri, Value::Null).await;
    assert_eq!(again["metadata"]["resourceVersion"], going["metadata"]["resourceVersion"]);
    let (code, status) =
        merge(&client, &uri, json!({"metadata": {"finalizers": ["example.org/keep", "example.org/more"]}})).await;
    assert_eq!(code, 422, "{status}");
    let (code, _) = merge(&client, &uri, json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200);
    assert_eq!(get(&client, &uri).await.0, 404);
}

#[tokio::test]
async fn propagation_becomes_a_finalizer_for_the_garbage_collector() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
        post(&client, MAPS, map("a", json!({}))).await;
        let (_, going) = delete(&client, &format!("{MAPS}/a"), json!({"propagationPolicy": policy})).await;
        assert_eq!(going["metadata"]["finalizers"], json!([finalizer]));
        let (_, gone) = delete(&client, &format!("{MAPS}/a"), json!({"propagationPolicy": "Background"})).await;
        assert_eq!((&gone["kind"], &gone["status"]), (&json!("Status"), &json!("Success")));
        assert_eq!(gone["details"]["kind"], "configmaps");
    }
}

#[tokio::test]
async fn a_deletion_can_name_the_object_that_it_means() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (_, made) = post(&client, MAPS, map("a", json!({}))).await;
    let uri = format!("{MAPS}/a");
    let (code, status) = delete(&client, &uri, json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!(code, 409);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let words = format!(
        "Operation cannot be fulfilled on configmaps \"a\": Precondition failed: UID in precondition: other, UID in object meta: {uid}"
    );
    assert_eq!(message(&status), words);
    let version = &made["metadata"]["resourceVersion"];
    let (code, _) = delete(&client, &uri, json!({"preconditions": {"uid": uid, "resourceVersion": version}})).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (name, tier) in [("a", "web"), ("b", "web"), ("c", "db")] {
        let mut wanted = map(name, json!({}));
        wanted["metadata"]["labels"] = json!({"tier": tier});
        post(&client, MAPS, wanted).await;
    }
    let (code, deleted) = delete(&client, &format!("{MAPS}?labelSelector=tier%3Dweb"), Value::Null).await;
    assert_eq!((code, deleted["items"].as_array().unwrap().len()), (200, 2));
    let (_, left) = get(&client, MAPS).await;
    let names: Vec<&str> =
        left["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c"]);
}
