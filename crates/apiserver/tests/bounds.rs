//! Whatever is asked, memory, time and the size of the answer are bounded, and others don't feel it.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use http::{Method, Request};
use http_body_util::BodyExt;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use support::{local, request::*};
use tokio::sync::Mutex;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The tests of this file measure the memory of the whole process: one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const MIB: f32 = 1024.0 * 1024.0;
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const HEAPS: &str = "/apis/example.org/v1/namespaces/default/heaps";
/// No answer to a mistake needs more.
const ANSWER: usize = 256 * 1024;

/// Serves heaps, whose `items` are as the schema says.
async fn define(client: &kube::Client, items: Value) {
    let schema = json!({"type": "object", "properties": {"items": {"type": "array", "items": items}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "heaps.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"plural": "heaps", "kind": "Heap"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let (code, made) = post(client, CRDS, definition).await;
    assert_eq!(code, 201, "{}", message(&made));
    let deadline = Instant::now() + Duration::from_secs(60);
    while get(client, HEAPS).await.0 != 200 {
        assert!(Instant::now() < deadline, "heaps are not served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn heap(items: Vec<Value>) -> Value {
    json!({"apiVersion": "example.org/v1", "kind": "Heap", "metadata": {"name": "h"}, "items": items})
}

fn map(name: &str, size: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": "x".repeat(size)}})
}

/// The answer to a request, and the slowest of what a bystander asked meanwhile.
async fn beside_a_bystander(client: &kube::Client, uri: &str, body: Value) -> ((u16, Value), Duration) {
    let (asking, uri) = (client.clone(), uri.to_owned());
    let request = tokio::spawn(async move { post(&asking, &uri, body).await });
    let mut slowest = Duration::ZERO;
    while !request.is_finished() {
        let began = Instant::now();
        assert_eq!(get(client, "/api/v1/namespaces/default").await.0, 200);
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (request.await.unwrap(), slowest)
}

/// How many bytes more than before were used at the worst moment.
fn peak_since(before: usize) -> f32 {
    (MEMORY.peak_usage() as f32 - before as f32) / MIB
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_default_asked_for_by_many_small_items_is_refused() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    let text = json!({"type": "string", "default": "x".repeat(200_000)});
    define(&client, json!({"type": "object", "properties": {"text": text}})).await;
    let body = heap(vec![json!({}); 100_000]);
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let ((code, refused), slowest) = beside_a_bystander(&client, HEAPS, body).await;
    assert_eq!((code, &refused["reason"]), (413, &json!("RequestEntityTooLarge")));
    assert!(peak_since(before) < 512.0, "{} MiB", peak_since(before));
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    // A few are no harm.
    assert_eq!(post(&client, HEAPS, heap(vec![json!({}); 3])).await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_mistakes_the_first_are_told() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    let allowed: Vec<String> = (0..1_000).map(|number| format!("value-{number}")).collect();
    define(&client, json!({"type": "string", "enum": allowed})).await;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{
            "name": "c", "image": "x", "ports": vec![json!({"containerPort": 0}); 60_000]}]},
    });
    for (uri, body) in [(HEAPS, heap(vec![json!("wrong"); 30_000])), ("/api/v1/namespaces/default/pods", pod)] {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let ((code, refused), slowest) = beside_a_bystander(&client, uri, body).await;
        assert_eq!(code, 422, "{uri}: {}", message(&refused));
        let size = refused.to_string().len();
        assert!(size < ANSWER, "{uri}: {size} bytes");
        assert!(!refused["details"]["causes"].as_array().unwrap().is_empty());
        assert!(peak_since(before) < 512.0, "{uri}: {} MiB", peak_since(before));
        assert!(slowest < Duration::from_secs(5), "{uri}: {slowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternatives_without_end_are_given_up() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    let alternatives: Vec<Value> = (0..20_000).map(|least| json!({"minimum": least + 10})).collect();
    define(&client, json!({"type": "integer", "anyOf": alternatives})).await;
    let body = heap((0..300_000).map(|_| json!(1)).collect());
    let began = Instant::now();
    let ((code, refused), slowest) = beside_a_bystander(&client, HEAPS, body).await;
    assert_eq!(code, 422);
    assert!(refused.to_string().len() < ANSWER);
    // Minutes, before.
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[tokio::test]
async fn of_many_unknown_fields_a_few_are_warned_of() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let data: serde_json::Map<String, Value> = (0..200_000).map(|number| (format!("f{number}"), json!(1))).collect();
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
    map.as_object_mut().unwrap().extend(data);
    let request = Request::builder().method(Method::POST).uri("/api/v1/namespaces/default/configmaps");
    let request = request.header("content-type", "application/json");
    let body = kube::client::Body::from(serde_json::to_vec(&map).unwrap());
    let response = server.client().send(request.body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), 201);
    let warnings: usize = response.headers().get_all("warning").iter().map(|value| value.len()).sum();
    assert!((1_000..10_000).contains(&warnings), "{warnings}");
}

#[tokio::test]
async fn watches_that_are_never_read_hold_little_and_give_it_back() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    for number in 0..100 {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}")},
            "data": {"text": "x".repeat(100_000)},
        });
        assert_eq!(post(&client, "/api/v1/namespaces/default/configmaps", map).await.0, 201);
    }
    let before = MEMORY.current_usage();
    let mut watches = Vec::new();
    for _ in 0..20 {
        let request = Request::get("/api/v1/configmaps?watch=true").body(kube::client::Body::empty()).unwrap();
        watches.push(client.send(request).await.unwrap());
    }
    let held = (MEMORY.current_usage() as f32 - before as f32) / MIB;
    assert!(held < 64.0, "20 watches of 10 MB hold {held} MiB");
    // Whoever does read gets all of it.
    let request = Request::get("/api/v1/configmaps?watch=true&timeoutSeconds=1").body(kube::client::Body::empty());
    let all = client.send(request.unwrap()).await.unwrap().into_body().collect_bytes().await.unwrap();
    assert_eq!(all.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"type\":\"ADDED\"")).count(), 100);
    drop(watches);
    let left = (MEMORY.current_usage() as f32 - before as f32) / MIB;
    assert!(left < 20.0, "{left} MiB stay");
}

#[tokio::test]
async fn a_watch_that_meets_large_objects_behind_small_ones_holds_one_of_them() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    for (name, size) in (0..3).map(|n| (format!("a{n}"), 10)).chain((0..30).map(|n| (format!("b{n:02}"), 1_000_000))) {
        assert_eq!(post(&client, MAPS, map(&name, size)).await.0, 201);
    }
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let request = Request::get(format!("{MAPS}?watch=true")).body(kube::client::Body::empty()).unwrap();
    let mut events = client.send(request).await.unwrap().into_body();
    let mut seen = Vec::new();
    while !seen.windows(3).any(|text| text == b"xxx") {
        seen.extend_from_slice(&events.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    assert!(peak_since(before) < 8.0, "{} MiB for a watch that has read three small objects", peak_since(before));
}

#[tokio::test]
async fn a_long_list_is_made_as_it_is_read_and_is_as_things_were_at_its_beginning() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    for number in 0..40 {
        assert_eq!(post(&client, MAPS, map(&format!("m{number:02}"), 1_000_000)).await.0, 201);
    }
    let forms = ["application/json", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml"];
    for accept in forms {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let uri = format!("{MAPS}?includeObject=Object");
        let request = Request::get(uri).header("accept", accept).body(kube::client::Body::empty()).unwrap();
        let answer = client.send(request).await.unwrap();
        assert!(peak_since(before) < 20.0, "{accept}: {} MiB for a list that nobody reads", peak_since(before));
        // What happens now is not in it.
        delete(&client, &format!("{MAPS}/m39"), Value::Null).await;
        assert_eq!(merge(&client, &format!("{MAPS}/m38"), json!({"data": {"text": "new"}})).await.0, 200);
        let all = answer.into_body().collect_bytes().await.unwrap();
        let list = if accept == "application/yaml" {
            let limits = cowherd_yaml::Limits { bytes: 64 * 1024 * 1024, ..Default::default() };
            let documents = cowherd_yaml::parse_documents(&all, &limits).unwrap();
            documents[0].value.clone()
        } else {
            serde_json::from_slice(&all).unwrap()
        };
        let is_table = list["kind"] == "Table";
        let items = list[if is_table { "rows" } else { "items" }].as_array().unwrap();
        let object = |item: &Value| if is_table { item["object"].clone() } else { item.clone() };
        assert_eq!(items.len(), 40, "{accept}");
        assert_eq!(object(&items[39])["metadata"]["name"], "m39");
        assert_eq!(object(&items[38])["data"]["text"].as_str().unwrap().len(), 1_000_000);
        assert!(list["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 1);
        assert_eq!(post(&client, MAPS, map("m39", 1_000_000)).await.0, 201);
        assert_eq!(merge(&client, &format!("{MAPS}/m38"), map("m38", 1_000_000)).await.0, 200);
    }
}

#[tokio::test]
async fn of_a_collection_that_is_deleted_little_is_in_memory_and_all_of_it_goes() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    for number in 0..40 {
        assert_eq!(post(&client, MAPS, map(&format!("m{number:02}"), 1_000_000)).await.0, 201);
    }
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (code, answer) = delete(&client, MAPS, Value::Null).await;
    assert!(peak_since(before) < 30.0, "{} MiB to delete 40 MB", peak_since(before));
    assert_eq!((code, &answer["kind"], &answer["status"]), (200, &json!("Status"), &json!("Success")));
    assert_eq!(names(&get(&client, MAPS).await.1), [""; 0]);
    // Of a few it is told what they were.
    for name in ["a", "b", "c"] {
        assert_eq!(post(&client, MAPS, map(name, 10)).await.0, 201);
    }
    let (code, answer) = delete(&client, &format!("{MAPS}?fieldSelector=metadata.name!%3Db"), Value::Null).await;
    assert_eq!((code, &answer["kind"]), (200, &json!("ConfigMapList")));
    assert_eq!((names(&answer), names(&get(&client, MAPS).await.1)), (vec!["a", "c"], vec!["b"]));
}

#[tokio::test]
async fn documents_that_stand_for_more_than_they_seem_are_refused_however_they_are_written() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    assert_eq!(post(&client, MAPS, map("m", 10)).await.0, 201);
    let dense =
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":[{}0]}}", "{\"a\":1},".repeat(300_000));
    let yaml = format!("apiVersion: v1\nkind: ConfigMap\ndata: [{}0]\n", "{a: 1},".repeat(300_000));
    let aliases = format!(
        "apiVersion: v1\nkind: ConfigMap\nx: &x [{}0]\ndata: [{}0]\n",
        "{a: 1},".repeat(1_000),
        "*x,".repeat(1_000)
    );
    let (one, applied) = (format!("{MAPS}/m"), format!("{MAPS}/m?fieldManager=m"));
    for (method, uri, kind, body) in [
        (Method::POST, MAPS, "application/json", &dense),
        (Method::POST, MAPS, "application/yaml", &yaml),
        (Method::POST, MAPS, "application/yaml", &aliases),
        (Method::PUT, one.as_str(), "application/json", &dense),
        (Method::PATCH, one.as_str(), "application/merge-patch+json", &dense),
        (Method::PATCH, one.as_str(), "application/strategic-merge-patch+json", &dense),
        (Method::PATCH, one.as_str(), "application/json-patch+json", &dense),
        (Method::PATCH, applied.as_str(), "application/apply-patch+yaml", &yaml),
    ] {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let request = Request::builder().method(&method).uri(uri).header("content-type", kind);
        let request = request.body(kube::client::Body::from(body.clone().into_bytes())).unwrap();
        let answer = client.send(request).await.unwrap();
        let code = answer.status().as_u16();
        let told = answer.into_body().collect_bytes().await.unwrap();
        assert!(matches!(code, 413 | 400), "{method} {kind}: {code} {}", String::from_utf8_lossy(&told));
        assert!(told.len() < 1_000, "{method} {kind}");
        // Read to their ends they would take 200 MB.
        assert!(peak_since(before) < 170.0, "{method} {kind}: {} MiB", peak_since(before));
    }
}

/// A kube-apiserver 1.35 answers 201 to both: they have less than the 1.5 MiB that a request to etcd may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kube_apiserver_stores_is_stored_however_much_it_stands_for() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    define(&client, json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})).await;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let environment: Vec<Value> =
        (0..60_000).map(|number| json!({"name": format!("a{number}"), "value": "v"})).collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "h"},
        "spec": {"containers": [{"name": "c", "image": "x", "env": environment}]},
    });
    let heap = heap(vec![json!({"": 1}); 210_000]);
    for (uri, body, list, count) in
        [(HEAPS, heap, "/items", 210_000), ("/api/v1/namespaces/default/pods", pod, "/spec/containers/0/env", 60_000)]
    {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let (code, made) = post(&client, uri, body).await;
        assert_eq!(code, 201, "{uri}: {}", message(&made));
        assert!(peak_since(before) < 900.0, "{uri}: {} MiB", peak_since(before));
        let (code, read) = get(&client, &format!("{uri}/h")).await;
        assert_eq!(code, 200, "{uri}");
        assert_eq!(read.pointer(list).and_then(Value::as_array).map(Vec::len), Some(count), "{uri}");
    }
}

#[tokio::test]
async fn what_is_stored_can_be_read_again_with_its_owners_however_deep_it_is() {
    let (server, _directory) = local().await;
    let client = server.client();
    define(&client, json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})).await;
    let deep = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    let (code, refused) = post(&client, HEAPS, heap(vec![deep(120)])).await;
    assert_eq!(code, 400, "{}", message(&refused));
    assert!(message(&refused).contains("100 levels"), "{}", message(&refused));
    for (method, deepest) in [("update", 95), ("apply", 95)] {
        let uri = format!("{HEAPS}/h");
        if method == "update" {
            assert_eq!(post(&client, HEAPS, heap(vec![deep(deepest)])).await.0, 201);
        } else {
            let (code, made) = apply(&client, &format!("{uri}?fieldManager=a"), heap(vec![deep(deepest)])).await;
            assert_eq!(code, 201, "{}", message(&made));
        }
        assert_eq!(get(&client, &uri).await.0, 200);
        assert_eq!(names(&get(&client, HEAPS).await.1), ["h"]);
        let mark = json!({"metadata": {"labels": {"a": "b"}}});
        assert_eq!(merge(&client, &uri, mark).await.0, 200);
        // Through a patch, too.
        let deeper = json!({"items": [deep(120)]});
        assert_eq!(merge(&client, &uri, deeper).await.0, 400);
        let operation = json!([{"op": "add", "path": format!("/items/0{}", "/a".repeat(60)), "value": deep(60)}]);
        let (code, _) = patch(&client, &uri, "application/json-patch+json", operation).await;
        assert_eq!(code, 422);
        assert_eq!(delete(&client, &uri, Value::Null).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_is_not_copied_again_and_again_to_change_it() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let variables: Vec<Value> =
        (0..20_000).map(|number| json!({"name": format!("V{number}"), "value": "x".repeat(60)})).collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "x", "env": variables}]},
    });
    let pods = "/api/v1/namespaces/default/pods";
    let (code, made) = post(&client, pods, pod.clone()).await;
    assert_eq!(code, 201, "{}", message(&made));
    let uri = format!("{pods}/p");
    let text = serde_json::to_vec(&get(&client, &uri).await.1).unwrap();
    let (tree, before) = {
        let before = MEMORY.current_usage();
        let read: Value = serde_json::from_slice(&text).unwrap();
        let taken = MEMORY.current_usage() - before;
        drop((read, made));
        (taken as f32 / MIB, before)
    };
    let mut order = pod["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    order.iter_mut().for_each(|variable| drop(variable.as_object_mut().unwrap().remove("value")));
    let image = json!({"spec": {"containers": [{"name": "c", "image": "y"}]}});
    let ordered = json!({"spec": {"containers": [
        {"name": "c", "image": "z", "$setElementOrder/env": order},
    ]}});
    let operation = json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "w"}]);
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    for (kind, body) in [
        ("application/strategic-merge-patch+json", image),
        ("application/strategic-merge-patch+json", ordered),
        ("application/json-patch+json", operation),
        ("application/merge-patch+json", label),
    ] {
        let body = serde_json::to_vec(&body).unwrap();
        MEMORY.reset_peak_usage();
        let now = MEMORY.current_usage();
        let request = Request::patch(&uri).header("content-type", kind).body(kube::client::Body::from(body)).unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{kind}");
        let trees = peak_since(now) / tree;
        eprintln!("{kind}: {} MiB, {trees} trees of {tree} MiB", peak_since(now));
        assert!(trees < 4.0, "{kind}: {trees} trees of {tree} MiB");
    }
    let _ = before;
}

#[tokio::test]
async fn a_list_that_is_read_when_its_state_is_forgotten_ends_early_and_never_looks_whole() {
    let _alone = ALONE.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let store = cowherd_store::Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
    let client = cowherd_apiserver::ApiServer::open(store.clone(), Default::default()).await.unwrap().client();
    for number in 0..12 {
        assert_eq!(post(&client, MAPS, map(&format!("m{number:02}"), 1_000_000)).await.0, 201);
    }
    let request = Request::get(MAPS).body(kube::client::Body::empty()).unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(merge(&client, &format!("{MAPS}/m11"), json!({"data": {"text": "new"}})).await.0, 200);
    store.compact(store.revision().await.unwrap()).await.unwrap();
    assert!(answer.into_body().collect_bytes().await.is_err());
}

/// Makes a definition whose schema has a hundred fields with words of their own, some 64 KiB.
async fn define_wordy(client: &kube::Client, number: usize) {
    let words = |field| format!("What field {field} of resource {number} is for, and in which unit. ").repeat(10);
    let fields = (0..100).map(|field| (format!("f{field}"), json!({"type": "string", "description": words(field)})));
    let schema = json!({"type": "object", "properties": fields.collect::<serde_json::Map<_, _>>()});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("k{number}s.example.org")},
        "spec": {
            "group": "example.org", "scope": "Cluster",
            "names": {"plural": format!("k{number}s"), "kind": format!("K{number}")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let (code, made) = post(client, CRDS, definition).await;
    assert_eq!(code, 201, "{}", message(&made));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_everything_take_no_room_of_their_own_however_many_ask() {
    let _alone = ALONE.lock().await;
    let (server, _directory) = local().await;
    let client = server.client();
    futures::future::join_all((0..100).map(|number| define_wordy(&client, number))).await;
    for uri in ["/openapi/v2", "/openapi/v3/apis/example.org/v1"] {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let ask = || client.send(Request::get(uri).body(kube::client::Body::empty()).unwrap());
        let answers = futures::future::try_join_all((0..20).map(|_| ask())).await.unwrap();
        // A hundred times 64 KiB, twenty times: 128 MiB.
        assert!(peak_since(before) < 24.0, "{uri}: {} MiB for 20 answers", peak_since(before));
        let sizes =
            futures::future::join_all(answers.into_iter().map(|answer| answer.into_body().collect_bytes())).await;
        let size = sizes[0].as_ref().unwrap().len();
        assert!(size > 6_000_000, "{size}");
        assert!(sizes.iter().all(|other| other.as_ref().unwrap().len() == size));
        drop(sizes);
        let kept = (MEMORY.current_usage() as f32 - before as f32) / MIB;
        assert!(kept < 8.0, "{uri}: {kept} MiB stay");
    }
}

#[tokio::test]
async fn selectors_that_name_more_than_anybody_needs_are_refused() {
    let (server, _directory) = local().await;
    let client = server.client();
    let maps = "/api/v1/namespaces/default/configmaps";
    let long = [
        format!("labelSelector={}!b", "!a,".repeat(300)),
        format!("labelSelector=a+in+({})", vec!["b"; 300].join(",")),
        format!("fieldSelector={}metadata.name!=b", "metadata.name!=a,".repeat(300)),
        format!("labelSelector={}", "a".repeat(9_000)),
    ];
    for selector in long {
        for watch in ["", "watch=true&timeoutSeconds=1&"] {
            let (code, refused) = get(&client, &format!("{maps}?{watch}{selector}")).await;
            assert_eq!(code, 400, "{refused}");
            assert!(message(&refused).contains("no more than"), "{refused}");
        }
    }
    let (code, _) = get(&client, &format!("{maps}?labelSelector=a+in+({})", vec!["b"; 250].join(","))).await;
    assert_eq!(code, 200);
}
