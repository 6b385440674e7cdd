//! Control planes of one process of which one is attacked: the others go on, in their own time.

use std::time::{Duration, Instant};

use cowherd_controlplane::Budgets;
use http::{Method, Request};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DeleteParams;
use kube::client::Body;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::repository::{self, converged, follow, until};

/// How long a neighbour's request may take, on a machine that has other things to do.
const REQUEST: Duration = Duration::from_secs(10);
/// How long what somebody deleted there may be gone.
const DRIFT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lives_beside_one_that_is_attacked_does_not_feel_it() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository::make(&directory.path().join("repository"));
    let budgets = Budgets::default();
    let attacked = follow(directory.path().join("attacked"), &repository, &budgets).await;
    let neighbour = follow(directory.path().join("neighbour"), &repository, &budgets).await;
    converged(&attacked).await;
    converged(&neighbour).await;

    let attacks: Vec<_> = (0..8).map(|number| tokio::spawn(attack(attacked.client(), number))).collect();
    let maps: Api<ConfigMap> = Api::namespaced(neighbour.client(), "default");
    let (mut asked, began) = (0, Instant::now());
    while !attacks.iter().all(tokio::task::JoinHandle::is_finished) || asked < 3 {
        let begin = Instant::now();
        maps.delete("settings", &DeleteParams::default()).await.unwrap();
        assert!(begin.elapsed() < REQUEST, "a request took {:?}", begin.elapsed());
        until("what was deleted is back", async || {
            maps.get("settings").await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        assert!(begin.elapsed() < DRIFT, "it was gone for {:?}", begin.elapsed());
        asked += 1;
    }
    assert!(began.elapsed() < Duration::from_secs(240), "the attacks had no end");
    for attack in attacks {
        attack.await.unwrap();
    }
    attacked.stop().await;
    neighbour.stop().await;
}

/// Schemas that take long to check, for objects that have many items; and watches that nobody reads.
async fn attack(client: Client, number: usize) {
    let alternatives: Vec<Value> = (0..20_000).map(|least| json!({"minimum": least + 10})).collect();
    let items = json!({"type": "array", "items": {"type": "integer", "anyOf": alternatives}});
    let schema = json!({"type": "object", "properties": {"items": items}});
    let (plural, kind) = (format!("heaps{number}"), format!("Heap{number}"));
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.org")},
        "spec": {
            "group": "example.org", "scope": "Cluster", "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let made =
        send(&client, Method::POST, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
    assert_eq!(made, 201);
    let heap = json!({
        "apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": "heap"}, "items": vec![1; 300_000],
    });
    let path = format!("/apis/example.org/v1/{plural}");
    let mut watches = Vec::new();
    for _ in 0..4 {
        let request = Request::get("/api/v1/configmaps?watch=true").body(Body::empty()).unwrap();
        watches.push(client.send(request).await.unwrap());
        let refused = send(&client, Method::POST, &path, &heap).await;
        assert!(matches!(refused, 404 | 422 | 429), "{refused}");
    }
}

/// The code of the answer to a request.
async fn send(client: &Client, method: Method, path: &str, body: &Value) -> u16 {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let response = client.send(request.body(Body::from(serde_json::to_vec(body).unwrap())).unwrap()).await.unwrap();
    response.status().as_u16()
}
