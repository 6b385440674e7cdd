//! Lists, pages, selectors and watches, seen through the in-process client.

use std::time::Duration;

use crate::support::{local, request::*};
use cowherd_apiserver::Config;
use futures::{AsyncBufReadExt, Stream, StreamExt, TryStreamExt};
use http::{Method, Request};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, tier: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"tier": tier}}})
}

/// The events of a watch as they come.
async fn watch(client: &kube::Client, uri: &str) -> impl Stream<Item = Value> + Unpin + use<> {
    let request = Request::get(uri).body(Vec::new()).unwrap();
    let lines = client.request_stream(request).await.unwrap().lines();
    Box::pin(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

async fn next(events: &mut (impl Stream<Item = Value> + Unpin)) -> Value {
    tokio::time::timeout(Duration::from_secs(5), events.next()).await.expect("an event in time").expect("an event")
}

/// Type and name of the next event.
async fn seen(events: &mut (impl Stream<Item = Value> + Unpin)) -> (String, String) {
    let event = next(events).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_is_read_page_by_page_as_it_was_at_the_first() {
    let (server, _directory) = local().await;
    let client = server.client();
    for name in ["a", "b", "c", "d", "e"] {
        post(&client, MAPS, map(name, "web")).await;
    }
    let (_, first) = get(&client, &format!("{MAPS}?limit=2")).await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(3)));
    delete(&client, &format!("{MAPS}/c"), Value::Null).await;
    post(&client, MAPS, map("bb", "web")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = get(&client, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(version(&second), version(&first));
    let token = second["metadata"]["continue"].as_str().unwrap();
    let (_, last) = get(&client, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((names(&last), last["metadata"].get("continue")), (vec!["e"], None));
    let (code, _) = get(&client, &format!("{MAPS}?continue=nonsense")).await;
    assert_eq!(code, 400);
}

#[tokio::test]
async fn a_page_is_filled_with_what_the_selector_means() {
    let (server, _directory) = local().await;
    let client = server.client();
    for number in 0..10 {
        post(&client, MAPS, map(&format!("m{number}"), if number % 3 == 0 { "web" } else { "db" })).await;
    }
    let (_, first) = get(&client, &format!("{MAPS}?limit=3&labelSelector=tier+in+(web)")).await;
    assert_eq!(names(&first), ["m0", "m3", "m6"]);
    assert_eq!(first["metadata"].get("remainingItemCount"), None);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = get(&client, &format!("{MAPS}?limit=3&labelSelector=tier+in+(web)&continue={token}")).await;
    assert_eq!(names(&rest), ["m9"]);
}

#[tokio::test]
async fn a_token_or_version_whose_history_is_gone_is_expired() {
    let directory = tempfile::tempdir().unwrap();
    let store = cowherd_store::Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
    let server = cowherd_apiserver::ApiServer::open(store.clone(), Config::default()).await.unwrap();
    let client = server.client();
    let (_, made) = post(&client, MAPS, map("a", "web")).await;
    for name in ["b", "c", "d"] {
        post(&client, MAPS, map(name, "web")).await;
    }
    let (_, first) = get(&client, &format!("{MAPS}?limit=2")).await;
    merge(&client, &format!("{MAPS}/d"), json!({"data": {"k": "v"}})).await;
    store.compact(store.revision().await.unwrap()).await.unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (code, status) = get(&client, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    assert!(message(&status).starts_with("The provided continue parameter is too old"), "{status}");
    let token = status["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = get(&client, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!(names(&rest), ["c", "d"]);
    let (code, _) =
        get(&client, &format!("{MAPS}?resourceVersion={}&resourceVersionMatch=Exact", version(&made))).await;
    assert_eq!(code, 410);
    let mut events = watch(&client, &format!("{MAPS}?watch=1&resourceVersion={}", version(&made))).await;
    let event = next(&mut events).await;
    assert_eq!(
        (&event["type"], &event["object"]["code"], &event["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn versions_that_are_none_or_to_come_are_refused() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, _) = get(&client, &format!("{MAPS}?resourceVersion=abc")).await;
    assert_eq!(code, 400);
    let (code, status) = get(&client, &format!("{MAPS}?resourceVersion=99999999")).await;
    assert_eq!((code, &status["reason"]), (504, &json!("Timeout")));
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    let (code, status) = get(&client, &format!("{MAPS}?resourceVersionMatch=Exact")).await;
    assert_eq!(code, 422, "{status}");
}

#[tokio::test]
async fn objects_are_selected_by_label_and_field() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (name, tier) in [("a", "web"), ("b", "db"), ("c", "web")] {
        post(&client, MAPS, map(name, tier)).await;
    }
    let select = async |query: &str| names(&get(&client, &format!("/api/v1/configmaps?{query}")).await.1).join(",");
    assert_eq!(select("labelSelector=tier%3Dweb").await, "a,c");
    assert_eq!(select("labelSelector=tier!%3Dweb").await, "b");
    assert_eq!(select("labelSelector=tier+notin+(web,x)").await, "b");
    assert_eq!(select("fieldSelector=metadata.name%3Db").await, "b");
    assert_eq!(select("fieldSelector=metadata.namespace%3Ddefault,metadata.name!%3Db").await, "a,c");
    let (code, status) = get(&client, &format!("{MAPS}?fieldSelector=data.x%3D1")).await;
    assert_eq!(code, 400);
    let words = "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    assert_eq!(message(&status), words);
    let (code, _) = get(&client, &format!("{MAPS}?labelSelector=a+b")).await;
    assert_eq!(code, 400);
}

#[tokio::test]
async fn a_watch_shows_what_is_there_and_then_every_change() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", "web")).await;
    let mut events = watch(&client, &format!("{MAPS}?watch=true")).await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "a"));
    post(&client, MAPS, map("b", "web")).await;
    merge(&client, &format!("{MAPS}/a"), json!({"data": {"k": "v"}})).await;
    delete(&client, &format!("{MAPS}/b"), Value::Null).await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "b"));
    assert_eq!(seen(&mut events).await, pair("MODIFIED", "a"));
    let deleted = next(&mut events).await;
    assert_eq!(deleted["type"], "DELETED");
    // A deletion has a version of its own: watching on from there shows it no more.
    let mut later = watch(&client, &format!("{MAPS}?watch=true&resourceVersion={}", version(&deleted["object"]))).await;
    post(&client, MAPS, map("c", "web")).await;
    assert_eq!(seen(&mut later).await, pair("ADDED", "c"));
}

#[tokio::test]
async fn a_watch_from_a_version_shows_what_came_after_it() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (_, list) = get(&client, MAPS).await;
    for name in ["a", "b"] {
        post(&client, MAPS, map(name, "web")).await;
    }
    // Other kinds and namespaces do not show.
    post(&client, "/api/v1/namespaces/kube-system/configmaps", map("x", "web")).await;
    let mut events = watch(&client, &format!("{MAPS}?watch=true&resourceVersion={}", version(&list))).await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "a"));
    assert_eq!(seen(&mut events).await, pair("ADDED", "b"));
    post(&client, MAPS, map("c", "web")).await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "c"));
}

#[tokio::test]
async fn an_object_that_enters_or_leaves_a_selection_is_added_or_deleted() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", "db")).await;
    let mut events = watch(&client, &format!("{MAPS}?watch=true&labelSelector=tier%3Dweb")).await;
    let label = async |tier: &str| {
        merge(&client, &format!("{MAPS}/a"), json!({"metadata": {"labels": {"tier": tier}}})).await.1
    };
    label("web").await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "a"));
    merge(&client, &format!("{MAPS}/a"), json!({"data": {"k": "v"}})).await;
    assert_eq!(seen(&mut events).await, pair("MODIFIED", "a"));
    let left = label("db").await;
    let deleted = next(&mut events).await;
    assert_eq!(
        (&deleted["type"], &deleted["object"]["metadata"]["labels"]["tier"]),
        (&json!("DELETED"), &json!("web"))
    );
    assert_eq!(version(&deleted["object"]), version(&left));
}

#[tokio::test]
async fn one_object_is_watched_by_its_name() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut events = watch(&client, &format!("{MAPS}?watch=true&fieldSelector=metadata.name%3Da")).await;
    for name in ["aa", "b", "a"] {
        post(&client, MAPS, map(name, "web")).await;
    }
    assert_eq!(seen(&mut events).await, pair("ADDED", "a"));
}

#[tokio::test]
async fn bookmarks_say_how_far_a_watch_is() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { bookmark_interval: Duration::from_millis(100), ..Config::default() };
    let server = crate::support::open(&directory, config).await;
    let client = server.client();
    let mut events = watch(&client, &format!("{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1")).await;
    // Writes to other kinds count, too.
    let (_, other) = post(&client, "/api/v1/namespaces", json!({"metadata": {"name": "x"}})).await;
    let wanted: u64 = version(&other).parse().unwrap();
    loop {
        let event = next(&mut events).await;
        assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("BOOKMARK"), &json!("ConfigMap")));
        if version(&event["object"]).parse::<u64>().unwrap() >= wanted {
            break;
        }
    }
    // The watch ends when it said it would.
    let rest: Vec<Value> = tokio::time::timeout(Duration::from_secs(3), events.collect()).await.unwrap();
    assert!(rest.iter().all(|event| event["type"] == "BOOKMARK"));
}

#[tokio::test]
async fn a_list_can_be_streamed_and_its_end_is_marked() {
    let (server, _directory) = local().await;
    let client = server.client();
    for name in ["a", "b"] {
        post(&client, MAPS, map(name, "web")).await;
    }
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let mut events = watch(&client, &format!("{MAPS}?{query}")).await;
    assert_eq!(seen(&mut events).await, pair("ADDED", "a"));
    assert_eq!(seen(&mut events).await, pair("ADDED", "b"));
    let end = next(&mut events).await;
    assert_eq!(end["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    let (code, status) = get(&client, &format!("{MAPS}?watch=true&sendInitialEvents=true")).await;
    assert_eq!(code, 422, "{status}");
}

#[tokio::test]
async fn tables_and_metadata_are_served_to_those_who_ask() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut wanted = map("a", "web");
    wanted["data"] = json!({"k": "v", "l": "v"});
    post(&client, MAPS, wanted).await;
    let accept = async |uri: &str, kind: &str| {
        let request = Request::builder().method(Method::GET).uri(uri).header("accept", kind);
        let response = client.send(request.body(Vec::new().into()).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, String::from_utf8(bytes.to_vec()).unwrap())
    };
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (_, table) = accept(MAPS, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").await;
    let table = parse(&table);
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["rows"][0]["cells"].as_array().unwrap()[..2], [json!("a"), json!(2)]);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (_, table) =
        accept(&format!("{MAPS}/a?includeObject=Object"), "application/json;as=Table;v=v1;g=meta.k8s.io").await;
    assert_eq!(parse(&table)["rows"][0]["object"]["data"]["k"], "v");
    let (_, list) = accept(MAPS, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").await;
    let list = parse(&list);
    assert_eq!((&list["kind"], list["items"][0].get("data")), (&json!("PartialObjectMetadataList"), None));
    let (_, yaml) = accept(&format!("{MAPS}/a"), "application/yaml").await;
    assert!(yaml.contains("\nkind: ConfigMap\n"), "{yaml}");
    let (code, _) = accept(MAPS, "application/vnd.kubernetes.protobuf").await;
    assert_eq!(code, 406);
    let (code, _) = accept(MAPS, "application/vnd.kubernetes.protobuf,application/json").await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn kube_runtime_sees_every_object_through_a_restarted_watch() {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::{WatchStreamExt, watcher};
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", "web")).await;
    let maps = kube::Api::<ConfigMap>::namespaced(client.clone(), "default");
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut seen = Box::pin(watcher(maps.clone(), config).applied_objects());
        let first = tokio::time::timeout(Duration::from_secs(5), seen.try_next()).await.unwrap().unwrap().unwrap();
        assert_eq!(first.metadata.name.as_deref(), Some("a"));
        merge(&client, &format!("{MAPS}/a"), json!({"data": {"k": moment()}})).await;
        let second = tokio::time::timeout(Duration::from_secs(5), seen.try_next()).await.unwrap().unwrap().unwrap();
        assert!(second.data.is_some());
    }
}

/// kube's watcher asks again at once when a watch ends well, so a watch that began on a server that ends, and ended, would
/// keep a processor busy until it is gone.
#[tokio::test]
async fn a_server_that_ends_refuses_new_watches() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut running = watch(&client, &format!("{MAPS}?watch=true")).await;
    server.close();
    assert!(tokio::time::timeout(Duration::from_secs(5), running.next()).await.expect("it ends").is_none());
    let (code, status) = get(&client, &format!("{MAPS}?watch=true")).await;
    assert_eq!((code, &status["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(status["details"]["retryAfterSeconds"], 5);
}

/// A value that differs with every call.
fn moment() -> String {
    jiff::Timestamp::now().to_string()
}
