//! A change that has begun ends, and everything that follows from it follows, whoever stops waiting for the answer.

use std::{collections::BTreeSet, future::poll_fn, pin::pin, task::Poll, time::Duration};

use crate::support::{local, request::*};
use bytes::Bytes;
use cowherd_apiserver::{ApiServer, MASTERS, User};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// How many requests are abandoned, each at another moment.
const REQUESTS: usize = 150;

/// Sends a request and hangs up after its future was polled so many times. Whether it was answered before.
async fn abandoned(server: &ApiServer, method: Method, uri: &str, body: &Value, polls: usize) -> bool {
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let mut answer = pin!(server.handle(request, User::known("impatient", &[MASTERS])));
    let mut left = polls;
    poll_fn(|context| {
        let answered = answer.as_mut().poll(context).is_ready();
        left -= 1;
        if answered || left == 0 { Poll::Ready(answered) } else { Poll::Pending }
    })
    .await
}

/// How often a request's future is polled before it is dropped: all the moments that there are, again and again.
fn polls(number: usize) -> usize {
    1 + number % 8
}

/// Waits until it holds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let done = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

fn service(name: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"type": kind, "ports": [{"port": 80}]},
    })
}

fn definition(plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.org")},
        "spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"plural": plural, "kind": format!("K{plural}")},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

/// The Services that have an address of their own.
async fn services(server: &ApiServer) -> Vec<Value> {
    let (_, list) = get(&server.client(), SERVICES).await;
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_a_service_got_is_its_own_though_its_client_hung_up() {
    let (server, _directory) = local().await;
    let mut answered = 0;
    for number in 0..REQUESTS {
        let new = service(&format!("s{number}"), "NodePort");
        answered += usize::from(abandoned(&server, Method::POST, SERVICES, &new, polls(number)).await);
    }
    assert!(answered < REQUESTS, "nobody hung up");
    eventually("what has begun is stored", async || services(&server).await.len() > answered).await;
    let client = server.client();
    for stored in services(&server).await {
        let mut thief = service("thief", "ClusterIP");
        thief["spec"]["clusterIP"] = stored["spec"]["clusterIP"].clone();
        let (code, status) = post(&client, SERVICES, thief).await;
        assert_eq!(code, 422, "{stored} lost its address: {status}");
        assert!(message(&status).contains("provided IP is already allocated"), "{status}");
        let port = &stored["spec"]["ports"][0]["nodePort"];
        if !port.is_null() {
            let mut thief = service("thief", "NodePort");
            thief["spec"]["ports"][0]["nodePort"] = port.clone();
            let (code, status) = post(&client, SERVICES, thief).await;
            assert_eq!(code, 422, "{stored} lost its port: {status}");
        }
    }
}

#[tokio::test]
async fn a_definition_that_says_established_is_served_though_its_client_hung_up() {
    let (server, _directory) = local().await;
    let client = server.client();
    for number in 0..REQUESTS {
        abandoned(&server, Method::POST, DEFINITIONS, &definition(&format!("a{number}s")), polls(number)).await;
    }
    // One that is waited for comes after them.
    assert_eq!(post(&client, DEFINITIONS, definition("lasts")).await.0, 201);
    let (_, list) = get(&client, DEFINITIONS).await;
    let stored: Vec<&Value> = list["items"].as_array().unwrap().iter().collect();
    assert!(stored.len() > 1, "nothing was stored");
    for definition in stored {
        let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
        let uri = format!("/apis/example.org/v1/namespaces/default/{plural}");
        eventually(plural, async || get(&client, &uri).await.0 == 200).await;
    }
}

#[tokio::test]
async fn what_a_service_had_is_free_though_its_client_hung_up() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut had = BTreeSet::new();
    for number in 0..REQUESTS {
        let name = format!("s{number}");
        let (_, made) = post(&client, SERVICES, service(&name, "ClusterIP")).await;
        had.insert(made["spec"]["clusterIP"].as_str().unwrap().to_owned());
        abandoned(&server, Method::DELETE, &format!("{SERVICES}/{name}"), &Value::Null, polls(number)).await;
    }
    let left: BTreeSet<String> = services(&server)
        .await
        .iter()
        .map(|service| service["spec"]["clusterIP"].as_str().unwrap().to_owned())
        .collect();
    for (number, address) in had.difference(&left).enumerate() {
        let mut heir = service(&format!("heir{number}"), "ClusterIP");
        heir["spec"]["clusterIP"] = json!(address);
        let uri = SERVICES.to_owned();
        eventually(address, async || post(&client, &uri, heir.clone()).await.0 == 201).await;
    }
}
