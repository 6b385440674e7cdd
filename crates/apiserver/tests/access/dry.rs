//! A dry run does everything but write, whatever is asked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::{Asked, Cluster};
use crate::statuses::objects;

const CORE: &str = "/api/v1/namespaces/walk";

/// Whatever the store holds: the version that the whole of it is at.
async fn version(cluster: &Cluster) -> String {
    let list = cluster.ask("GET", "/api/v1/namespaces?limit=1", Value::Null).await;
    list.document["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

/// Every way to write a resource or a part of one, as the server says of itself: the verb, the plural with the part, the path of
/// a collection or an object of the namespace `walk`.
async fn ways(cluster: &Cluster) -> Vec<(String, String, String)> {
    let mut ways = Vec::new();
    let groups = cluster.ask("GET", "/apis", Value::Null).await.document;
    let groups = groups["groups"].as_array().unwrap().iter();
    let versions = groups.flat_map(|group| group["versions"].as_array().unwrap());
    let versions = versions.map(|version| format!("/apis/{}", version["groupVersion"].as_str().unwrap()));
    for version in std::iter::once("/api/v1".to_owned()).chain(versions) {
        let resources = cluster.ask("GET", &version, Value::Null).await.document;
        for resource in resources["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let (plural, part) = name.split_once('/').map_or((name, ""), |(plural, part)| (plural, part));
            let within = if resource["namespaced"] == true { "/namespaces/walk" } else { "" };
            for verb in resource["verbs"].as_array().unwrap() {
                let verb = verb.as_str().unwrap();
                if matches!(verb, "get" | "list" | "watch") {
                    continue;
                }
                let collection = format!("{version}{within}/{plural}");
                let path = match (part, verb) {
                    ("", "create" | "deletecollection") => collection,
                    ("", _) => format!("{collection}/NAME"),
                    (part, _) => format!("{collection}/NAME/{part}"),
                };
                ways.push((verb.to_owned(), name.to_owned(), path));
            }
        }
    }
    ways
}

/// An object of the collection at a path, where there is one that a test knows to make.
fn sample(collection: &str) -> Option<Value> {
    let known = objects().into_iter().find(|(path, _)| *path == collection);
    let mut object = match known {
        Some((path, spec)) if path.ends_with("customresourcedefinitions") => {
            return Some(json!({"metadata": {"name": "webs.statuses.example.org"}, "spec": spec}));
        }
        Some((path, spec)) if path.contains("statuses.example.org") => {
            json!({"apiVersion": "statuses.example.org/v1", "kind": "Web", "spec": spec})
        }
        Some((_, spec)) => json!({"spec": spec}),
        None => match collection.rsplit('/').next().unwrap() {
            "configmaps" | "secrets" | "serviceaccounts" | "roles" | "clusterroles" => json!({}),
            "rolebindings" | "clusterrolebindings" => json!({
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            }),
            "leases" => json!({"spec": {}}),
            "priorityclasses" => json!({"value": 7}),
            "networkpolicies" => json!({"spec": {"podSelector": {}}}),
            _ => return None,
        },
    };
    object["metadata"] = json!({"name": "sample"});
    Some(object)
}

/// What is sent by a verb to a part of an object, which is as it is.
fn body(verb: &str, part: &str, live: &Value) -> Value {
    let name = &live["metadata"]["name"];
    match (verb, part) {
        ("create", "binding") => json!({"metadata": {"name": name}, "target": {"name": "n"}}),
        ("create", "eviction") => json!({"metadata": {"name": name}}),
        ("create", "token") => json!({}),
        ("update", "scale") => json!({"metadata": {"name": name}, "spec": {"replicas": 7}}),
        ("patch", "scale") => json!({"spec": {"replicas": 7}}),
        ("patch", _) => json!({"metadata": {"labels": {"dry": "run"}, "annotations": {"dry": "run"}}}),
        ("update", _) => {
            let mut new = live.clone();
            new["metadata"]["labels"]["dry"] = "run".into();
            new["metadata"]["annotations"]["dry"] = "run".into();
            if part == "finalize" {
                new["spec"]["finalizers"] = json!([]);
            }
            new
        }
        _ => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_to_write_writes_in_a_dry_run() {
    let cluster = Cluster::ours().await;
    let mut collections: BTreeSet<String> = BTreeSet::new();
    // The definition first: a way to write what it defines is one more.
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(cluster.ask("POST", definitions, sample(definitions).unwrap()).await.code, 201);
    loop {
        let served = cluster.ask("GET", "/apis/statuses.example.org/v1", Value::Null).await;
        if served.code == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let ways = ways(&cluster).await;
    for (_, _, path) in &ways {
        let collection = path.split("/NAME").next().unwrap();
        if let Some(object) = sample(collection).filter(|_| collections.insert(collection.to_owned())) {
            let made = cluster.ask("POST", collection, object).await;
            assert!(matches!(made.code, 201 | 409), "{collection}: {made:?}");
        }
    }
    let (mut wrote, mut did) = (Vec::new(), BTreeSet::new());
    for (verb, resource, path) in &ways {
        let (collection, part) = path.split_once("/NAME").unwrap_or((path, ""));
        let part = part.trim_start_matches('/');
        let Some(mut object) = sample(collection) else { continue };
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let live = cluster.ask("GET", &format!("{collection}/{name}"), Value::Null).await.document;
        let path = path.replace("NAME", &name);
        object["metadata"]["name"] = format!("other-{name}").into();
        let (method, kinds): (&str, &[&str]) = match verb.as_str() {
            "create" => ("POST", &["application/json"]),
            "update" => ("PUT", &["application/json"]),
            "patch" => ("PATCH", &["application/merge-patch+json", "application/apply-patch+yaml"]),
            _ => ("DELETE", &["application/json"]),
        };
        for kind in kinds {
            let mut body = if verb == "create" && part.is_empty() { object.clone() } else { body(verb, part, &live) };
            let mut uri = format!("{path}?dryRun=All");
            if *kind == "application/apply-patch+yaml" {
                uri += "&fieldManager=dry&force=true";
                body["apiVersion"] = live["apiVersion"].clone();
                body["kind"] = live["kind"].clone();
                body["metadata"]["name"] = name.as_str().into();
            }
            let before = version(&cluster).await;
            let asked = Asked { method, path: &uri, headers: vec![("content-type", kind.as_bytes())], body };
            let answered = asked.of(&cluster.admin).await;
            if version(&cluster).await != before {
                wrote.push(format!("{verb} {resource}: {} {}", answered.code, answered.message()));
            }
            if answered.code < 300 {
                did.insert(format!("{verb} {part}"));
            }
        }
    }
    assert!(wrote.is_empty(), "dry runs wrote:\n{}", wrote.join("\n"));
    // It shows nothing that what is refused is not written.
    let expected = [
        "create ",
        "create binding",
        "create eviction",
        "create token",
        "delete ",
        "deletecollection ",
        "patch ",
        "patch scale",
        "patch status",
        "update ",
        "update finalize",
        "update scale",
        "update status",
    ];
    assert_eq!(did.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(ways.iter().any(|(_, resource, _)| resource == "webs/status"), "a custom resource has parts, too");
    let kept = cluster.ask("GET", &format!("{CORE}/pods/sample"), Value::Null).await.document;
    assert_eq!(kept["spec"].get("nodeName"), None);
}
