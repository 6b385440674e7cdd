//! Several servers over one store agree, and what one leaves undone another one does.

use std::{collections::BTreeSet, time::Duration};

use crate::support::request::*;
use bytes::Bytes;
use cowherd_apiserver::{ApiServer, Config};
use cowherd_store::{Expected, Options, Store};
use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

const SERVICES: &str = "/api/v1/namespaces/default/services";
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn store(directory: &TempDir) -> Store {
    Store::open(directory.path().join("state.redb"), Options::default()).unwrap()
}

async fn two() -> ([ApiServer; 2], TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let first = ApiServer::open(store.clone(), Config::default()).await.unwrap();
    let second = ApiServer::open(store, Config::default()).await.unwrap();
    ([first, second], directory)
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let done = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

fn service(name: &str, spec: Value) -> Value {
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
    service["spec"]["ports"] = json!([{"port": 80}]);
    service
}

fn definition(plural: &str, short: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.org")},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": plural, "kind": format!("K{plural}"), "shortNames": [short]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn holds(definition: &Value, kind: &str) -> bool {
    let conditions = definition["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_one_has_answered_is_served_by_the_other() {
    let (servers, _directory) = two().await;
    let clients = servers.each_ref().map(ApiServer::client);
    for number in 0..40 {
        let (writer, reader) = (&clients[number % 2], &clients[(number + 1) % 2]);
        let plural = format!("a{number}s");
        assert_eq!(post(writer, DEFINITIONS, definition(&plural, &plural)).await.0, 201);
        let uri = format!("/apis/example.org/v1/namespaces/default/{plural}");
        let object = json!({"apiVersion": "example.org/v1", "kind": format!("K{plural}"), "metadata": {"name": "a"}});
        let (code, made) = post(reader, &uri, object).await;
        assert_eq!(code, 201, "{made}");
        assert_eq!(delete(writer, &format!("{DEFINITIONS}/{plural}.example.org"), Value::Null).await.0, 200);
        eventually("the other server forgets it", async || get(reader, &uri).await.0 == 404).await;
    }
    let documents = join_all(clients.iter().map(|client| get(client, "/openapi/v3"))).await;
    assert_eq!(documents[0], documents[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_and_no_port_is_given_twice() {
    let (servers, _directory) = two().await;
    let clients = servers.each_ref().map(ApiServer::client);
    let creates = (0..200).map(|number| {
        let client = clients[number % 2].clone();
        let new = service(&format!("s{number}"), json!({"type": "NodePort"}));
        tokio::spawn(async move { post(&client, SERVICES, new).await })
    });
    let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for made in join_all(creates).await {
        let (code, made) = made.unwrap();
        assert_eq!(code, 201, "{made}");
        assert!(addresses.insert(made["spec"]["clusterIP"].as_str().unwrap().to_owned()), "{made}");
        assert!(ports.insert(made["spec"]["ports"][0]["nodePort"].as_u64().unwrap()), "{made}");
    }
    // The API itself has an address, too.
    addresses.insert("10.96.0.1".to_owned());
    for client in &clients {
        let (_, list) = get(client, ADDRESSES).await;
        let known: BTreeSet<String> = names(&list).into_iter().map(str::to_owned).collect();
        assert_eq!(known, addresses);
        let one = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "10.96.0.1");
        let one = one.unwrap();
        let parent = json!({"resource": "services", "namespace": "default", "name": "kubernetes"});
        let labels = json!({
            "ipaddress.kubernetes.io/ip-family": "IPv4",
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        });
        assert_eq!((&one["metadata"]["labels"], one["metadata"].get("generation")), (&labels, None));
        assert_eq!(one["metadata"]["managedFields"][0]["manager"], "kube-apiserver");
        assert_eq!(one["spec"]["parentRef"], parent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_name_the_same_one_gets_it() {
    let (servers, _directory) = two().await;
    let clients = servers.each_ref().map(ApiServer::client);
    for round in 0..20 {
        let creates = (0..4).map(|number| {
            let client = clients[number % 2].clone();
            let mut new = service(&format!("s{round}-{number}"), json!({"type": "NodePort"}));
            new["spec"]["clusterIP"] = json!(format!("10.96.0.{}", 10 + round));
            new["spec"]["ports"][0]["nodePort"] = json!(30_000 + round);
            tokio::spawn(async move { post(&client, SERVICES, new).await })
        });
        let codes: Vec<u16> = join_all(creates).await.into_iter().map(|made| made.unwrap().0).collect();
        let won = codes.iter().filter(|code| **code == 201).count();
        let refused = codes.iter().filter(|code| **code == 422).count();
        assert_eq!((won, refused), (1, 3), "{codes:?}");
    }
}

#[tokio::test]
async fn what_a_service_has_no_longer_is_free_for_others() {
    let (servers, _directory) = two().await;
    let clients = servers.each_ref().map(ApiServer::client);
    let named = |name: &str| {
        let mut new = service(name, json!({"type": "NodePort", "clusterIP": "10.96.0.20"}));
        new["spec"]["ports"][0]["nodePort"] = json!(30_020);
        new
    };
    let dry = format!("{SERVICES}?dryRun=All");
    assert_eq!(post(&clients[0], &dry, named("a")).await.0, 201, "a dry run takes nothing");
    assert_eq!(post(&clients[0], SERVICES, named("a")).await.0, 201);
    assert_eq!(post(&clients[1], &dry, named("b")).await.0, 422, "a dry run says what would happen");
    // Another type has no port, then no address.
    let uri = format!("{SERVICES}/a");
    let internal = json!({"spec": {"type": "ClusterIP"}});
    assert_eq!(merge(&clients[1], &uri, internal).await.0, 200);
    let mut port = service("p", json!({"type": "NodePort"}));
    port["spec"]["ports"][0]["nodePort"] = json!(30_020);
    assert_eq!(post(&clients[0], SERVICES, port).await.0, 201);
    let external = json!({"spec": {
        "type": "ExternalName", "externalName": "example.org", "clusterIP": null, "clusterIPs": null,
    }});
    let (code, changed) = merge(&clients[0], &uri, external).await;
    assert_eq!(code, 200, "{changed}");
    assert_eq!(get(&clients[1], &format!("{ADDRESSES}/10.96.0.20")).await.0, 404);
    let back = json!({"spec": {"type": "ClusterIP", "clusterIP": "10.96.0.20", "externalName": null}});
    let (code, changed) = merge(&clients[1], &uri, back).await;
    assert_eq!(code, 200, "{changed}");
    assert_eq!(get(&clients[0], &format!("{ADDRESSES}/10.96.0.20")).await.0, 200);
    assert_eq!(delete(&clients[0], &uri, Value::Null).await.0, 200);
    assert_eq!(get(&clients[1], &format!("{ADDRESSES}/10.96.0.20")).await.0, 404);
    assert_eq!(delete(&clients[0], &format!("{SERVICES}/p"), Value::Null).await.0, 200);
    assert_eq!(post(&clients[1], SERVICES, named("b")).await.0, 201);
}

#[tokio::test]
async fn an_address_that_somebody_deletes_comes_back_to_its_service() {
    let (servers, _directory) = two().await;
    let client = servers[0].client();
    let (_, made) = post(&client, SERVICES, service("a", json!({}))).await;
    let uri = format!("{ADDRESSES}/{}", made["spec"]["clusterIP"].as_str().unwrap());
    assert_eq!(delete(&client, &uri, Value::Null).await.0, 200);
    eventually("it is back", async || get(&client, &uri).await.0 == 200).await;
}

#[tokio::test]
async fn services_of_before_get_what_they_have_and_what_nobody_has_is_given_free() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let mut old = service("old", json!({"type": "NodePort", "clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.7"]}));
    old["spec"]["ports"] = json!([{"port": 80, "nodePort": 30_777}]);
    old["metadata"]["namespace"] = json!("default");
    let key = "/registry/core/services/default/old";
    store.put(key, Bytes::from(old.to_string()), Expected::Absent).await.unwrap();
    let orphan = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
        "metadata": {"name": "10.96.7.8", "labels": {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}},
        "spec": {"parentRef": {"group": "", "resource": "services", "namespace": "default", "name": "gone"}},
    });
    let key = "/registry/networking.k8s.io/ipaddresses/10.96.7.8";
    store.put(key, Bytes::from(orphan.to_string()), Expected::Absent).await.unwrap();

    let server = ApiServer::open(store, Config::default()).await.unwrap();
    let client = server.client();
    eventually("the old one has its address", async || get(&client, &format!("{ADDRESSES}/10.96.7.7")).await.0 == 200)
        .await;
    eventually("the other is free", async || get(&client, &format!("{ADDRESSES}/10.96.7.8")).await.0 == 404).await;
    let mut thief = service("thief", json!({"type": "NodePort"}));
    thief["spec"]["ports"][0]["nodePort"] = json!(30_777);
    assert_eq!(post(&client, SERVICES, thief).await.0, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_definitions_that_want_the_same_name_at_once_one_has_it() {
    let (servers, _directory) = two().await;
    let clients = servers.each_ref().map(ApiServer::client);
    for round in 0..10 {
        let plurals = [format!("a{round}s"), format!("b{round}s")];
        let creates = plurals.iter().zip(&clients).map(|(plural, client)| {
            let (client, new) = (client.clone(), definition(plural, &format!("short{round}")));
            tokio::spawn(async move { post(&client, DEFINITIONS, new).await.0 })
        });
        for made in join_all(creates).await {
            assert_eq!(made.unwrap(), 201);
        }
        let uris = plurals.each_ref().map(|plural| format!("{DEFINITIONS}/{plural}.example.org"));
        eventually("one has the name", async || {
            let mut accepted = 0;
            for uri in &uris {
                accepted += usize::from(holds(&get(&clients[0], uri).await.1, "NamesAccepted"));
            }
            accepted == 1
        })
        .await;
        // Once it goes, the other one gets it.
        for uri in &uris {
            if holds(&get(&clients[0], uri).await.1, "NamesAccepted") {
                delete(&clients[1], uri, Value::Null).await;
                break;
            }
        }
        eventually("the other one has the name", async || {
            let (first, second) = (get(&clients[1], &uris[0]).await.1, get(&clients[1], &uris[1]).await.1);
            let gone = |one: &Value| one["code"] == 404;
            (gone(&first) && holds(&second, "NamesAccepted")) || (gone(&second) && holds(&first, "NamesAccepted"))
        })
        .await;
        for uri in &uris {
            delete(&clients[0], uri, Value::Null).await;
        }
    }
}

#[tokio::test]
async fn a_definition_whose_server_went_away_while_it_was_removed_is_removed_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let first = ApiServer::open(store.clone(), Config::default()).await.unwrap();
    let client = first.client();
    assert_eq!(post(&client, DEFINITIONS, definition("cows", "moo")).await.0, 201);
    let object = json!({"apiVersion": "example.org/v1", "kind": "Kcows", "metadata": {"name": "berta"}});
    assert_eq!(post(&client, "/apis/example.org/v1/namespaces/default/cows", object).await.0, 201);
    // From here on the first server does nothing but answer.
    first.close();
    let uri = format!("{DEFINITIONS}/cows.example.org");
    assert_eq!(delete(&client, &uri, Value::Null).await.0, 200);
    assert_eq!(get(&client, &uri).await.0, 200, "somebody has to remove its objects first");

    let second = ApiServer::open(store, Config::default()).await.unwrap();
    let client = second.client();
    eventually("it is gone", async || get(&client, &uri).await.0 == 404).await;
    let objects = "/apis/example.org/v1/namespaces/default/cows";
    eventually("the server has learned of it", async || get(&client, objects).await.0 == 404).await;
}
