//! What roles and bindings there are from the start.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::{Cluster, open};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const RECORDED: &str = include_str!("../../data/rbac.jsonl");

/// A document without what is different in each cluster.
fn comparable(mut document: Value) -> (String, Value) {
    let metadata = document["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "labels" | "annotations"));
    let metadata = &document["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    (format!("{} {namespace}/{}", document["kind"], metadata["name"]), document)
}

async fn documents(client: &kube::Client) -> BTreeMap<String, Value> {
    let mut documents = BTreeMap::new();
    for plural in ["clusterroles", "clusterrolebindings", "roles", "rolebindings"] {
        let request = http::Request::get(format!("{RBAC}/{plural}")).body(Vec::new()).unwrap();
        let list: Value = client.request(request).await.unwrap();
        let kind = list["kind"].as_str().unwrap().trim_end_matches("List").to_owned();
        for mut item in list["items"].as_array().unwrap().clone() {
            item["kind"] = kind.clone().into();
            item["apiVersion"] = list["apiVersion"].clone();
            documents.extend([comparable(item)]);
        }
    }
    documents
}

fn recorded() -> BTreeMap<String, Value> {
    RECORDED.lines().map(|line| comparable(serde_json::from_str(line).unwrap())).collect()
}

#[tokio::test]
async fn every_role_and_binding_is_that_of_kubernetes_document_by_document() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _store) = open(&directory).await;
    let (ours, real) = (documents(&server.client()).await, recorded());
    assert!(real.len() > 100, "{}", real.len());
    assert_eq!(ours.keys().collect::<Vec<_>>(), real.keys().collect::<Vec<_>>());
    for (name, document) in &real {
        assert_eq!(&ours[name], document, "{name}");
    }
}

async fn patch(client: &kube::Client, path: &str, body: Value) {
    let request = http::Request::patch(format!("{RBAC}/{path}")).header("content-type", "application/merge-patch+json");
    let body = serde_json::to_vec(&body).unwrap();
    let _: Value = client.request(request.body(body).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_start_gives_back_what_was_taken_and_keeps_what_was_added() {
    let directory = tempfile::tempdir().unwrap();
    {
        let (server, store) = open(&directory).await;
        let client = server.client();
        let delete = http::Request::delete(format!("{RBAC}/clusterroles/system:node")).body(Vec::new()).unwrap();
        let _: Value = client.request(delete).await.unwrap();
        patch(&client, "clusterroles/system:basic-user", json!({"rules": []})).await;
        let own = json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"}]);
        patch(&client, "clusterrolebindings/system:basic-user", json!({"subjects": own})).await;
        // Another role under the name of one that everybody has.
        let path = format!("{RBAC}/clusterrolebindings/system:public-info-viewer");
        let delete = http::Request::delete(&path).body(Vec::new()).unwrap();
        let _: Value = client.request(delete).await.unwrap();
        let mut other = recorded()["\"ClusterRoleBinding\" /\"system:public-info-viewer\""].clone();
        other["roleRef"]["name"] = "view".into();
        let create =
            http::Request::post(format!("{RBAC}/clusterrolebindings")).header("content-type", "application/json");
        let _: Value = client.request(create.body(serde_json::to_vec(&other).unwrap()).unwrap()).await.unwrap();
        let off = json!({"metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}});
        patch(&client, "clusterroles/system:discovery", off).await;
        patch(&client, "clusterroles/system:discovery", json!({"rules": []})).await;
        server.close();
        store.close().await;
    }
    let (server, _store) = open(&directory).await;
    let (mut ours, mut real) = (documents(&server.client()).await, recorded());
    let discovery = "\"ClusterRole\" /\"system:discovery\"";
    assert_eq!(
        ours.remove(discovery).unwrap()["rules"],
        json!(null),
        "what Kubernetes makes of an empty list of rules"
    );
    assert_ne!(real.remove(discovery).unwrap()["rules"], json!(null));
    let binding = "\"ClusterRoleBinding\" /\"system:basic-user\"";
    let subjects = ours.remove(binding).unwrap()["subjects"].clone();
    assert_eq!((&subjects[0]["name"], &subjects[1]), (&json!("jane"), &real.remove(binding).unwrap()["subjects"][0]));
    // What is given back to a role is said rule by rule, each of one verb on one resource.
    let basic = "\"ClusterRole\" /\"system:basic-user\"";
    let rules = ours.remove(basic).unwrap()["rules"].as_array().unwrap().len();
    assert!(rules > real.remove(basic).unwrap()["rules"].as_array().unwrap().len(), "{rules}");
    assert_eq!(ours, real);
}

#[tokio::test]
async fn an_admin_has_their_rights_from_the_first_request() {
    let ours = Cluster::ours().await;
    let made = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(ours.ask_as("admin", "POST", "/api/v1/namespaces/walk/configmaps", made).await.code, 201);
    assert_eq!(ours.ask_as("view", "GET", "/api/v1/namespaces/walk/configmaps", Value::Null).await.code, 200);
    assert_eq!(ours.ask_as("view", "GET", "/api/v1/namespaces/walk/secrets", Value::Null).await.code, 403);
}
