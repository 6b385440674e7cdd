//! Lists and watches write most objects as they lie in the store: byte for byte what a read object would come to.

use crate::support::{local, request::*};
use cowherd_apiserver::{ApiServer, Config};
use cowherd_store::{Expected, Options, Store};
use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use serde_json::{Value, json};

const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

async fn text(client: &kube::Client, uri: &str, accept: &str) -> String {
    let request = Request::get(uri).header("accept", accept).body(Vec::new()).unwrap();
    client.request_text(request).await.unwrap()
}

/// Collections, and objects of them that have something odd.
fn objects() -> Vec<(&'static str, Value)> {
    let metadata = |name: &str| {
        json!({
            "name": name, "labels": {"odd": name, "resourceVersion": "no"}, "finalizers": ["example.org/keep"],
            "annotations": {"metadata": "{\"name\": \"\\\"}\"", "zeichen": "ä\u{2028}\u{1f600}\n\t\u{7f}"},
        })
    };
    let map = |name: &str| json!({"metadata": metadata(name), "data": {"metadata": "{}", "a": "\u{0}\"\\"}, "binaryData": {"b": "AAEC"}});
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let target = json!({"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"});
    let involved = json!({"kind": "Pod", "name": "p", "namespace": "default"});
    vec![
        ("/api/v1/namespaces/default/configmaps", map("one")),
        ("/api/v1/namespaces/default/configmaps", map("two")),
        ("/api/v1/namespaces/default/secrets", json!({"metadata": metadata("one"), "data": {"a": "eHg="}})),
        (
            "/api/v1/namespaces/default/services",
            json!({"metadata": metadata("one"), "spec": {"ports": [{"port": 80}]}}),
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({"metadata": metadata("one"), "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}),
        ),
        (
            "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
            json!({"metadata": metadata("one"), "spec": {"maxReplicas": 3, "scaleTargetRef": target}}),
        ),
        ("/api/v1/namespaces/default/events", json!({"metadata": metadata("one"), "involvedObject": involved})),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            json!({
                "metadata": {"name": "odds.example.org"},
                "spec": {
                    "group": "example.org", "scope": "Namespaced", "names": {"plural": "odds", "kind": "Odd"},
                    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                        "type": "object", "properties": {"spec": {
                            "type": "object", "properties": {"n": {"type": "number", "default": 1.5}},
                        }},
                    }}}],
                },
            }),
        ),
        ("/apis/example.org/v1/namespaces/default/odds", json!({"metadata": metadata("one"), "spec": {}})),
    ]
}

fn items(list: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(list).unwrap()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_list_is_written_as_if_every_object_had_been_read() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (uri, mut object) in objects() {
        let versions = [("/api/v1/", "v1"), ("/apis/apps/v1/", "apps/v1"), ("/apis/autoscaling/v1/", "autoscaling/v1")];
        let version = versions.iter().find(|(prefix, _)| uri.starts_with(prefix)).map(|(_, version)| *version);
        if let Some(version) = version {
            object["apiVersion"] = version.into();
        }
        let (code, made) = post(&client, uri, object).await;
        assert_eq!(code, 201, "{uri}: {}", message(&made));
    }
    let more = ["/apis/autoscaling/v2/horizontalpodautoscalers", "/apis/events.k8s.io/v1/events", "/api/v1/namespaces"];
    for uri in objects().into_iter().map(|(uri, _)| uri).chain(more) {
        let list = text(&client, uri, "application/json").await;
        let read: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list, format!("{read}\n"), "{uri}: fields in order, nothing between them");
        let own = |item: &Value| format!("{uri}/{}", item["metadata"]["name"].as_str().unwrap());
        if uri.contains("/namespaces/") || uri.ends_with("/namespaces") {
            for item in items(&list) {
                assert_eq!(text(&client, &own(&item), "application/json").await, format!("{item}\n"), "{uri}");
            }
        }
        // The forms of which a tree is made say the same.
        let yaml = text(&client, uri, "application/yaml").await;
        let documents = cowherd_yaml::parse_documents(yaml.as_bytes(), &Default::default()).unwrap();
        assert_eq!(documents[0].value, read, "{uri}");
        let partial = text(&client, uri, PARTIAL_LIST).await;
        let read: Value = serde_json::from_str(&partial).unwrap();
        assert_eq!(partial, format!("{read}\n"), "{uri}");
        let metadata: Vec<Value> = items(&list).iter().map(|item| item["metadata"].clone()).collect();
        let partial: Vec<Value> = items(&partial).iter().map(|item| item["metadata"].clone()).collect();
        assert_eq!(partial, metadata, "{uri}");
    }
    let some = "/api/v1/namespaces/default/configmaps?labelSelector=odd%3Dtwo&fieldSelector=metadata.name!%3Done";
    let names: Vec<Value> = items(&text(&client, some, "application/json").await);
    assert_eq!(names.iter().map(|item| &item["metadata"]["name"]).collect::<Vec<_>>(), ["two"]);
}

#[tokio::test]
async fn a_watch_writes_what_a_list_does() {
    let (server, _directory) = local().await;
    let client = server.client();
    let maps = "/api/v1/namespaces/default/configmaps";
    for (uri, object) in objects().into_iter().filter(|(uri, _)| *uri == maps) {
        assert_eq!(post(&client, uri, object).await.0, 201);
    }
    for (accept, list) in [("application/json", "application/json"), (PARTIAL, PARTIAL_LIST)] {
        let uri = format!("{maps}?watch=true&timeoutSeconds=600");
        let request = Request::get(&uri).header("accept", accept).body(Vec::new()).unwrap();
        let mut lines = client.request_stream(request).await.unwrap().lines();
        for item in items(&text(&client, maps, list).await) {
            let line = tokio::time::timeout(std::time::Duration::from_secs(60), lines.next()).await;
            assert_eq!(line.unwrap().unwrap().unwrap(), format!("{{\"type\":\"ADDED\",\"object\":{item}}}"));
        }
    }
}

/// Rules may be newer than an object: its controller can say how things are nevertheless, and nobody else can leave it so.
#[tokio::test]
async fn what_is_wrong_with_a_stored_spec_keeps_nobody_from_the_status() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("state.redb"), Options::default()).unwrap();
    let metadata = |name: &str| json!({"name": name, "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z"});
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("old"),
        "spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}}, "template": template},
    });
    deployment["metadata"]["namespace"] = "default".into();
    let key = "/registry/apps/deployments/default/old";
    store.put(key, deployment.to_string().into(), Expected::Absent).await.unwrap();
    let client = ApiServer::open(store, Config::default()).await.unwrap().client();

    let uri = "/apis/apps/v1/namespaces/default/deployments/old";
    let status = json!({"status": {"observedGeneration": 7}});
    let (code, changed) = merge(&client, &format!("{uri}/status"), status).await;
    assert_eq!((code, &changed["status"]["observedGeneration"]), (200, &json!(7)), "{changed}");
    let (code, refused) = merge(&client, uri, json!({"spec": {"paused": true}})).await;
    assert_eq!(code, 422, "{refused}");
    assert!(message(&refused).contains("spec.replicas"), "{refused}");
    // The metadata that comes with a status has its rules yet.
    let mark = json!({"metadata": {"annotations": {"not a name": "x"}}});
    let (code, refused) = merge(&client, &format!("{uri}/status"), mark).await;
    assert_eq!(code, 422, "{refused}");
    assert!(message(&refused).contains("metadata.annotations"), "{refused}");
}
