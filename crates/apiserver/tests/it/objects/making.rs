//! How objects come to be, and where.

use serde_json::{Value, json};

use super::{MAPS, map};
use crate::support::{local, request::*};

#[tokio::test]
async fn an_object_gets_its_identity_when_it_is_made() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, made) = post(&client, MAPS, map("a", json!({"k": "v"}))).await;
    assert_eq!(code, 201);
    let metadata = &made["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(metadata["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(metadata["managedFields"][0]["manager"], "cowherd");
    assert_eq!(metadata["managedFields"][0]["fieldsV1"]["f:data"], json!({".": {}, "f:k": {}}));
    assert_eq!(get(&client, &format!("{MAPS}/a")).await, (200, made));
    let (code, again) = post(&client, MAPS, map("a", json!({}))).await;
    assert_eq!((code, message(&again)), (409, "configmaps \"a\" already exists"));
    assert_eq!(again["reason"], "AlreadyExists");
}

#[tokio::test]
async fn a_name_is_generated_where_only_its_beginning_is_given() {
    let (server, _directory) = local().await;
    let client = server.client();
    let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "web-"}});
    let (_, first) = post(&client, MAPS, wanted.clone()).await;
    let (_, second) = post(&client, MAPS, wanted).await;
    let name = first["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    assert_ne!(first["metadata"]["name"], second["metadata"]["name"]);
}

#[tokio::test]
async fn an_object_needs_a_namespace_that_is_there_and_stays() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, status) = post(&client, "/api/v1/namespaces/x/configmaps", map("a", json!({}))).await;
    assert_eq!((code, message(&status)), (404, "namespaces \"x\" not found"));
    let (_, made) = post(&client, "/api/v1/namespaces", json!({"metadata": {"name": "x"}})).await;
    assert_eq!(made["status"]["phase"], "Active");
    assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"], "x");
    let (code, going) = delete(&client, "/api/v1/namespaces/x", Value::Null).await;
    assert_eq!((code, &going["status"]["phase"]), (200, &json!("Terminating")));
    let (code, status) = post(&client, "/api/v1/namespaces/x/configmaps", map("a", json!({}))).await;
    let words =
        "configmaps \"a\" is forbidden: unable to create new content in namespace x because it is being terminated";
    assert_eq!((code, message(&status)), (403, words));
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let mut finalized = going;
    finalized["spec"]["finalizers"] = json!([]);
    let (code, _) = put(&client, "/api/v1/namespaces/x/finalize", finalized).await;
    assert_eq!(code, 200);
    assert_eq!(get(&client, "/api/v1/namespaces/x").await.0, 404);
    for name in ["default", "kube-system", "kube-public"] {
        let (code, status) = delete(&client, &format!("/api/v1/namespaces/{name}"), Value::Null).await;
        let words = format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        assert_eq!((code, message(&status)), (403, words.as_str()));
    }
}

#[tokio::test]
async fn a_name_cannot_lead_to_another_object() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({}))).await;
    assert_eq!(get(&client, "/api/v1/namespaces/default%2Fa/configmaps").await.0, 404);
    assert_eq!(get(&client, "/api/v1/configmaps/default%2Fa").await.0, 404);
    assert_eq!(get(&client, "/api/v1/nodes/..%2Fconfigmaps%2Fdefault%2Fa").await.0, 404);
}

/// What kube-apiserver 1.35 answers.
#[tokio::test]
async fn what_takes_the_place_of_an_object_says_its_name_itself() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(post(&client, deployments, web.clone()).await.0, 201);
    let scale =
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}, "spec": {}});
    for (uri, object, name) in [
        (format!("{MAPS}/a"), map("a", json!({"k": "2"})), "a"),
        (format!("{deployments}/web"), web.clone(), "web"),
        (format!("{deployments}/web/status"), web, "web"),
        (format!("{deployments}/web/scale"), scale, "web"),
        ("/api/v1/namespaces/default/finalize".to_owned(), namespace, "default"),
    ] {
        let (_, before) = get(&client, uri.trim_end_matches("/finalize")).await;
        let mut nameless = object.clone();
        nameless["metadata"].as_object_mut().unwrap().remove("name");
        let (code, refused) = put(&client, &uri, nameless).await;
        let why = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
        assert_eq!((code, message(&refused)), (400, why.as_str()), "{uri}");
        let mut other = object.clone();
        other["metadata"]["name"] = json!("other");
        let (code, refused) = put(&client, &uri, other).await;
        let why = format!("the name of the object (other) does not match the name on the URL ({name})");
        assert_eq!((code, message(&refused)), (400, why.as_str()), "{uri}");
        assert_eq!(get(&client, uri.trim_end_matches("/finalize")).await.1, before, "{uri}");
        assert_eq!(put(&client, &uri, object).await.0, 200, "{uri}");
    }
}
