//! Whatever is sent, the server answers, and says that the sender was wrong.

use crate::support::{local, request::*};
use http::Method;
use serde_json::{Value, json};

/// Bodies that are no object of any kind, or one with parts that make no sense.
fn bodies() -> Vec<Value> {
    let bad = [json!(null), json!([]), json!("x"), json!(7), json!({}), json!({"a": [{}]})];
    let mut bodies =
        vec![json!([]), json!("x"), json!({}), json!({"kind": 1, "apiVersion": []}), json!({"metadata": []})];
    for value in &bad {
        for field in
            ["labels", "annotations", "finalizers", "ownerReferences", "managedFields", "uid", "creationTimestamp"]
        {
            bodies.push(json!({"metadata": {"name": "a", field: value}}));
        }
        bodies.push(json!({"metadata": {"name": value}}));
        bodies.push(json!({"metadata": {"generateName": value}}));
        for field in
            ["spec", "status", "data", "rules", "subjects", "roleRef", "webhooks", "endpoints", "involvedObject"]
        {
            bodies.push(json!({"metadata": {"name": "a"}, field: value}));
        }
        for field in [
            "template",
            "selector",
            "ports",
            "containers",
            "versions",
            "names",
            "scope",
            "replicas",
            "clusterIP",
            "type",
        ] {
            bodies.push(json!({"metadata": {"name": "a"}, "spec": {field: value}}));
            bodies.push(json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {field: value}}}}));
        }
    }
    bodies
}

/// Every collection in the namespace `default` or the cluster that objects can be made in.
async fn collections(client: &kube::Client) -> Vec<String> {
    let (_, groups) = get(client, "/apis").await;
    let groups = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["versions"].as_array().unwrap());
    let mut roots: Vec<String> =
        groups.map(|version| format!("/apis/{}", version["groupVersion"].as_str().unwrap())).collect();
    roots.push("/api/v1".to_owned());
    let mut collections = Vec::new();
    for root in roots {
        let (_, resources) = get(client, &root).await;
        for resource in resources["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let place = if resource["namespaced"] == true { "/namespaces/default" } else { "" };
            if !name.contains('/') {
                collections.push(format!("{root}{place}/{name}"));
            }
        }
    }
    collections
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_server_fail() {
    let (server, _directory) = local().await;
    let client = server.client();
    let collections = collections(&client).await;
    assert!(collections.len() > 50, "{collections:?}");
    let bodies = bodies();
    for collection in &collections {
        for body in &bodies {
            for validation in ["?dryRun=All", "?dryRun=All&fieldValidation=Strict"] {
                let (code, answer) = post(&client, &format!("{collection}{validation}"), body.clone()).await;
                assert!(code < 500, "POST {collection} {body}: {answer}");
            }
            let uri = format!("{collection}/a?dryRun=All&fieldManager=me&force=true");
            let (code, answer) = apply(&client, &uri, body.clone()).await;
            assert!(code < 500, "apply {collection} {body}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_patch_makes_the_server_fail() {
    let (server, _directory) = local().await;
    let client = server.client();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
        },
    });
    let uri = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(post(&client, uri, deployment).await.0, 201);
    let (_, service) = get(&client, "/api/v1/namespaces/default/services/kubernetes").await;
    assert_eq!(service["kind"], "Service");
    for body in bodies() {
        for object in [
            &format!("{uri}/a"),
            "/api/v1/namespaces/default/services/kubernetes",
            "/api/v1/namespaces/default",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/view",
        ] {
            for kind in [
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/json-patch+json",
            ] {
                for subresource in ["", "/status", "/scale"] {
                    let uri = format!("{object}{subresource}?dryRun=All");
                    let (code, answer) = call(&client, Method::PATCH, &uri, kind, body.clone()).await;
                    assert!(code < 500, "{kind} {uri} {body}: {answer}");
                    let (code, answer) = put(&client, &uri, body.clone()).await;
                    assert!(code < 500, "PUT {uri} {body}: {answer}");
                }
            }
            let (code, answer) = delete(&client, &format!("{object}?dryRun=All"), body.clone()).await;
            assert!(code < 500, "DELETE {object} {body}: {answer}");
        }
    }
}

#[tokio::test]
async fn no_path_or_query_makes_the_server_fail() {
    let (server, _directory) = local().await;
    let client = server.client();
    let paths = [
        "/",
        "//",
        "/api//v1",
        "/api/v1/",
        "/api/v2/pods",
        "/apis/x",
        "/apis/apps/v9",
        "/api/v1/namespaces/a/b/c/d/e/f",
        "/api/v1/watch",
        "/api/v1/watch/",
        "/openapi/v3/apis/x/v1",
        "/openapi",
        "/%00",
        "/api/v1/namespaces/%ff/pods/%2e%2e",
        "/apis/apps/v1/namespaces/default/deployments/x/scale/y",
        "/version/x",
        "/metrics",
        "/healthz/x",
        "/api/v1/nodes/n/proxy/x",
    ];
    for path in paths {
        for query in [
            "",
            "?watch=1&timeoutSeconds=x",
            "?limit=-1",
            "?labelSelector=%",
            "?fieldSelector==",
            "?continue=%00",
            "?resourceVersion=-1",
        ] {
            let (code, answer) = get(&client, &format!("{path}{query}")).await;
            assert!(code < 500, "{path}{query}: {answer}");
        }
    }
}
