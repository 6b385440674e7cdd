//! CustomResourceDefinitions and their objects.

use std::time::Duration;

use crate::support::{Served, local, request::*};
use http::Method;
use serde_json::{Value, json};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const COWS: &str = "/apis/example.org/v1/namespaces/default/cows";

fn definition() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 2},
                    "milk": {"type": "integer", "default": 10, "minimum": 0},
                    "spots": {"type": "array", "items": {"type": "string"}},
                    "replicas": {"type": "integer"},
                    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            },
            "status": {"type": "object", "properties": {
                "mood": {"type": "string"}, "replicas": {"type": "integer"}, "selector": {"type": "string"},
            }},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cows.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": "cows", "kind": "Cow", "shortNames": ["moo"], "categories": ["all"]},
            "versions": [
                {
                    "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}, "scale": {
                        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    }},
                    "selectableFields": [{"jsonPath": ".spec.name"}],
                    "additionalPrinterColumns": [
                        {"name": "Milk", "type": "integer", "jsonPath": ".spec.milk"},
                        {"name": "Mood", "type": "string", "jsonPath": ".status.mood"},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                },
                {
                    "name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                    "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}},
                },
            ],
        },
    })
}

fn cow(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.org/v1", "kind": "Cow", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn a_definition_is_served_at_once() {
    let (server, _directory) = local().await;
    let client = server.client();
    assert_eq!(get(&client, COWS).await.0, 404);
    let (code, made) = post(&client, CRDS, definition()).await;
    assert_eq!(code, 201, "{made}");
    let holds = |kind: &str| {
        let conditions = made["status"]["conditions"].as_array().unwrap();
        conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    assert!(holds("NamesAccepted") && holds("Established"), "{made}");
    assert_eq!(made["status"]["storedVersions"], json!(["v1"]));
    assert_eq!(made["spec"]["names"]["listKind"], "CowList");
    let (code, list) = get(&client, COWS).await;
    assert_eq!((code, &list["kind"]), (200, &json!("CowList")));
    let (_, group) = get(&client, "/apis/example.org").await;
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let (_, openapi) = get(&client, "/openapi/v3/apis/example.org/v1").await;
    assert!(openapi["components"]["schemas"].as_object().unwrap().keys().any(|name| name.ends_with(".Cow")));
}

#[tokio::test]
async fn objects_are_checked_pruned_and_defaulted_by_their_schema() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let wanted = cow("berta", json!({"name": "Berta", "horns": 2, "extra": {"anything": [1]}}));
    let (code, made) = post(&client, COWS, wanted.clone()).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["spec"], json!({"name": "Berta", "milk": 10, "extra": {"anything": [1]}}));
    assert_eq!(made["metadata"]["generation"], 1);
    let (code, status) = post(&client, &format!("{COWS}?fieldValidation=Strict"), wanted).await;
    let words = "Cow in version \"v1\" cannot be handled as a Cow: strict decoding error: unknown field \"spec.horns\"";
    assert_eq!((code, message(&status)), (400, words));
    let (code, status) = post(&client, COWS, cow("x", json!({"name": "B", "milk": -1, "spots": "no"}))).await;
    assert_eq!(code, 422);
    let fields: Vec<&str> =
        status["details"]["causes"].as_array().unwrap().iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["spec.milk", "spec.name", "spec.spots"], "{status}");
    let (code, status) = put(&client, &format!("{COWS}/berta"), cow("berta", json!({"name": "Berta"}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).contains("metadata.resourceVersion: Invalid value: 0"), "{status}");
}

#[tokio::test]
async fn every_answer_has_the_defaults_of_the_status() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut wanted = definition();
    let versions = wanted["spec"]["versions"].as_array_mut().unwrap();
    for version in versions {
        version["schema"]["openAPIV3Schema"]["properties"]["status"] =
            json!({"type": "object", "default": {"seen": -1}, "properties": {"seen": {"type": "integer"}}});
    }
    assert_eq!(post(&client, CRDS, wanted).await.0, 201);
    let unseen = json!({"seen": -1});
    // What is given of a status where the object is made counts for nothing.
    let mut given = cow("berta", json!({"name": "Berta"}));
    given["status"] = json!({"seen": 7});
    for dry_run in ["?dryRun=All", ""] {
        let (code, made) = post(&client, &format!("{COWS}{dry_run}"), given.clone()).await;
        assert_eq!((code, &made["status"]), (201, &unseen), "{made}");
    }
    for dry_run in ["&dryRun=All", ""] {
        let uri = format!("{COWS}/bess?fieldManager=farmer{dry_run}");
        let (code, made) = apply(&client, &uri, cow("bess", json!({"name": "Bess"}))).await;
        assert_eq!((code, &made["status"]), (201, &unseen), "{made}");
    }
    let (_, read) = get(&client, &format!("{COWS}/berta")).await;
    assert_eq!(read["status"], unseen);
}

#[tokio::test]
async fn null_where_none_may_be_says_nothing_but_in_an_apply_of_what_has_no_default() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let with_nulls = |name: &str| cow(name, json!({"name": "bess", "spots": null, "milk": null}));
    let wanted = json!({"name": "bess", "milk": 10});
    let (code, made) = post(&client, COWS, with_nulls("made")).await;
    assert_eq!((code, &made["spec"]), (201, &wanted));
    let uri = format!("{COWS}/bess?fieldManager=test");
    let (code, refused) = apply(&client, &uri, with_nulls("bess")).await;
    assert_eq!(code, 422, "as kube-apiserver: {refused}");
    let with_default = || cow("bess", json!({"name": "bess", "milk": null}));
    let (code, first) = apply(&client, &uri, with_default()).await;
    assert_eq!((code, &first["spec"]), (201, &wanted));
    assert_eq!(apply(&client, &uri, with_default()).await, (200, first));
}

#[tokio::test]
async fn generation_counts_what_is_wanted_and_not_the_status() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    post(&client, COWS, cow("berta", json!({"name": "Berta"}))).await;
    let uri = format!("{COWS}/berta");
    let (_, changed) =
        merge(&client, &format!("{uri}/status"), json!({"status": {"mood": "good"}, "spec": {"milk": 1}})).await;
    assert_eq!((&changed["status"]["mood"], &changed["spec"]["milk"]), (&json!("good"), &json!(10)));
    assert_eq!(changed["metadata"]["generation"], 1);
    let (_, changed) = merge(&client, &uri, json!({"status": {"mood": "bad"}, "spec": {"milk": 1}})).await;
    assert_eq!((&changed["status"]["mood"], &changed["spec"]["milk"]), (&json!("good"), &json!(1)));
    assert_eq!(changed["metadata"]["generation"], 2);
    let (_, changed) = merge(&client, &uri, json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(changed["metadata"]["generation"], 2);
    let (code, status) = call(&client, Method::PATCH, &uri, "application/strategic-merge-patch+json", json!({})).await;
    assert_eq!(code, 415, "{status}");
}

#[tokio::test]
async fn scale_and_selectable_fields_are_where_the_definition_says() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    post(&client, COWS, cow("berta", json!({"name": "Berta", "replicas": 2}))).await;
    post(&client, COWS, cow("emma", json!({"name": "Emma"}))).await;
    let uri = format!("{COWS}/berta");
    merge(&client, &format!("{uri}/status"), json!({"status": {"replicas": 1, "selector": "a=b"}})).await;
    let (_, scale) = get(&client, &format!("{uri}/scale")).await;
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]), (&json!(2), &json!({"replicas": 1, "selector": "a=b"})));
    let (_, scaled) = merge(&client, &format!("{uri}/scale"), json!({"spec": {"replicas": 5}})).await;
    assert_eq!(scaled["spec"]["replicas"], 5);
    let (_, found) = get(&client, &format!("{COWS}?fieldSelector=spec.name%3DEmma")).await;
    assert_eq!(names(&found), ["emma"]);
}

#[tokio::test]
async fn every_served_version_shows_the_same_objects() {
    let (server, directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let mut old = cow("berta", json!({"name": "Berta"}));
    old["apiVersion"] = json!("example.org/v1beta1");
    let (code, made) = post(&client, &COWS.replace("v1", "v1beta1"), old).await;
    assert_eq!((code, &made["apiVersion"]), (201, &json!("example.org/v1beta1")));
    let (_, seen) = get(&client, &format!("{COWS}/berta")).await;
    assert_eq!((&seen["apiVersion"], &seen["spec"]), (&json!("example.org/v1"), &made["spec"]));
    // A definition that changes is served as it is now, also after a restart.
    let mut changed = definition();
    changed["spec"]["versions"][1]["served"] = json!(false);
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["horns"] =
        json!({"type": "integer", "default": 2});
    let (code, status) = apply(&client, &format!("{CRDS}/cows.example.org?fieldManager=me&force=true"), changed).await;
    assert_eq!(code, 200, "{status}");
    assert_eq!(get(&client, &COWS.replace("v1", "v1beta1")).await.0, 404);
    let (_, seen) = get(&client, &format!("{COWS}/berta")).await;
    assert_eq!(seen["spec"]["horns"], 2);
    drop(client);
    server.close();
    drop(server);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let server = crate::support::open(&directory, Default::default()).await;
    assert_eq!(get(&server.client(), &format!("{COWS}/berta")).await.1["spec"]["horns"], 2);
}

#[tokio::test]
async fn a_definition_takes_its_objects_along_when_it_goes() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let mut kept = cow("berta", json!({"name": "Berta"}));
    kept["metadata"]["finalizers"] = json!(["example.org/keep"]);
    post(&client, COWS, kept).await;
    post(&client, COWS, cow("emma", json!({"name": "Emma"}))).await;
    let uri = format!("{CRDS}/cows.example.org");
    let (code, going) = delete(&client, &uri, Value::Null).await;
    assert_eq!((code, &going["metadata"]["finalizers"]), (200, &json!(["customresourcecleanup.apiextensions.k8s.io"])));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (_, left) = get(&client, COWS).await;
    assert_eq!(names(&left), ["berta"]);
    let (code, status) = post(&client, COWS, cow("late", json!({"name": "Late"}))).await;
    let words = "create not allowed while custom resource definition is terminating";
    assert_eq!((code, message(&status)), (405, words));
    merge(&client, &format!("{COWS}/berta"), json!({"metadata": {"finalizers": null}})).await;
    let gone = async {
        while get(&client, &uri).await.0 != 404 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
    assert_eq!(get(&client, COWS).await.0, 404);
}

#[tokio::test]
async fn names_that_another_definition_has_are_not_accepted() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let mut other = definition();
    other["metadata"]["name"] = json!("bulls.example.org");
    other["spec"]["names"] = json!({"plural": "bulls", "kind": "Bull", "shortNames": ["moo"]});
    let (code, made) = post(&client, CRDS, other).await;
    assert_eq!(code, 201, "{made}");
    let refused = &made["status"]["conditions"][0];
    assert_eq!(
        (&refused["type"], &refused["status"], &refused["reason"]),
        (&json!("NamesAccepted"), &json!("False"), &json!("ShortNamesConflict"))
    );
    assert_eq!(refused["message"], "\"moo\" is already in use");
    assert_eq!(get(&client, "/apis/example.org/v1/bulls").await.0, 404);
}

#[tokio::test]
async fn schemas_that_cannot_be_used_are_refused() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut wanted = definition();
    wanted["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = json!({"properties": {"a": {}}});
    let (code, status) = post(&client, CRDS, wanted).await;
    assert_eq!(code, 422, "{status}");
    assert!(
        message(&status).contains("spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value"),
        "{status}"
    );
    let mut wanted = definition();
    wanted["metadata"]["name"] = json!("cow");
    let (code, status) = post(&client, CRDS, wanted).await;
    assert_eq!(code, 422, "{status}");
    let mut wanted = definition();
    wanted["spec"]["versions"][1]["storage"] = json!(true);
    let (code, status) = post(&client, CRDS, wanted).await;
    assert_eq!(code, 422, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_works_with_custom_resources() {
    let served = Served::start().await;
    let crd = serde_json::to_string(&definition()).unwrap();
    served.kubectl_with(&["apply", "-f", "-"], &crd).await.ok();
    served.kubectl(&["wait", "--for=condition=Established", "crd/cows.example.org", "--timeout=5s"]).await;
    let berta = serde_json::to_string(&cow("berta", json!({"name": "Berta"}))).unwrap();
    assert_eq!(served.kubectl_with(&["apply", "-f", "-"], &berta).await.ok(), "cow.example.org/berta created\n");
    assert_eq!(served.kubectl_with(&["apply", "-f", "-"], &berta).await.ok(), "cow.example.org/berta unchanged\n");
    let more = berta.replace("Berta", "Bertha");
    assert_eq!(served.kubectl_with(&["apply", "-f", "-"], &more).await.ok(), "cow.example.org/berta configured\n");
    let table = served.kubectl(&["get", "moo"]).await;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[0].clone(), &lines[1][..2]), (vec!["NAME", "MILK", "MOOD", "AGE"], &["berta", "10"][..]));
    assert!(served.kubectl(&["explain", "cow.spec.milk"]).await.contains("FIELD: milk <integer>"));
    served.kubectl(&["scale", "cow/berta", "--replicas=3"]).await;
    served.kubectl(&["patch", "cow", "berta", "--type=merge", "-p", r#"{"spec":{"milk":12}}"#]).await;
    let refused = served.kubectl_with(&["apply", "-f", "-"], &berta.replace("\"spec\"", "\"spce\"")).await.refused();
    assert!(refused.contains("unknown field \"spce\""), "{refused}");
    let old = served.run(&["get", "cows.v1beta1.example.org"]).await;
    assert!(old.stderr.contains("Warning: example.org/v1beta1 Cow is deprecated"), "{old:?}");
    served.kubectl(&["delete", "crd", "cows.example.org"]).await;
    // kubectl keeps what it has discovered for a while; a new cache sees what there is.
    let cache = served.path("another-cache").display().to_string();
    let gone = served.run(&["get", "cows", "--cache-dir", &cache]).await.refused();
    assert!(gone.contains("the server doesn't have a resource type \"cows\""), "{gone}");
}

#[tokio::test]
async fn a_definition_whose_names_become_free_is_accepted() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let mut other = definition();
    other["metadata"]["name"] = json!("bulls.example.org");
    other["spec"]["names"] = json!({"plural": "bulls", "kind": "Bull", "shortNames": ["moo"]});
    post(&client, CRDS, other).await;
    delete(&client, &format!("{CRDS}/cows.example.org"), Value::Null).await;
    let served = async {
        while get(&client, "/apis/example.org/v1/bulls").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap();
}

#[tokio::test]
async fn versions_that_only_a_webhook_could_convert_are_not_served_wrongly() {
    let (server, _directory) = local().await;
    let client = server.client();
    let mut wanted = definition();
    wanted["spec"]["conversion"] = json!({
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.org/convert"}},
    });
    let (code, made) = post(&client, CRDS, wanted).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(post(&client, COWS, cow("berta", json!({"name": "Berta"}))).await.0, 201);
    let (code, status) = get(&client, &format!("{}/berta", COWS.replace("v1", "v1beta1"))).await;
    assert_eq!(code, 500);
    assert!(message(&status).contains("use the stored version example.org/v1"), "{status}");
}

#[tokio::test]
async fn a_watch_ends_when_the_definition_changes() {
    use futures::{AsyncBufReadExt, StreamExt};
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    let request = http::Request::get(format!("{COWS}?watch=true")).body(Vec::new()).unwrap();
    let watch = client.request_stream(request).await.unwrap().lines();
    let mut changed = definition();
    changed["spec"]["versions"][1]["served"] = json!(false);
    apply(&client, &format!("{CRDS}/cows.example.org?fieldManager=me&force=true"), changed).await;
    let rest = tokio::time::timeout(Duration::from_secs(5), watch.collect::<Vec<_>>()).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn the_metadata_of_custom_resources_is_checked_too() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, CRDS, definition()).await;
    for (metadata, field) in [
        (json!({"name": "a", "labels": {"x": 1}}), "metadata.labels"),
        (json!({"name": "A"}), "metadata.name"),
        (json!({"name": "a", "labels": {"x": "not a value"}}), "metadata.labels"),
    ] {
        let mut wanted = cow("a", json!({"name": "Berta"}));
        wanted["metadata"] = metadata;
        let (code, status) = post(&client, COWS, wanted).await;
        assert!(code == 422 || code == 400, "{status}");
        assert!(message(&status).contains(field), "{status}");
    }
    let mut wanted = cow("a", json!({"name": "Berta"}));
    wanted["metadata"]["unknown"] = json!(1);
    let (code, status) = post(&client, &format!("{COWS}?fieldValidation=Strict"), wanted).await;
    assert_eq!(code, 400);
    assert!(message(&status).contains("unknown field \"metadata.unknown\""), "{status}");
}

#[tokio::test]
async fn what_is_built_in_is_not_defined_anew_in_another_version() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (group, plural, kind, scope) in [
        ("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", "Cluster"),
        ("networking.k8s.io", "ingresses", "Ingress", "Namespaced"),
        ("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "Cluster"),
    ] {
        let mut taken = definition();
        taken["metadata"] = json!({
            "name": format!("{plural}.{group}"),
            "annotations": {"api-approved.kubernetes.io": "https://example.com/reviewed"},
        });
        taken["spec"]["group"] = group.into();
        taken["spec"]["scope"] = scope.into();
        taken["spec"]["names"] = json!({"plural": plural, "kind": kind});
        taken["spec"]["versions"][0]["name"] = "v9".into();
        taken["spec"]["versions"][1]["name"] = "v9beta1".into();
        let (code, refused) = post(&client, CRDS, taken).await;
        assert_eq!(code, 422, "{refused}");
        assert!(refused["message"].as_str().unwrap().contains("is built into this API"), "{refused}");
    }
    let (_, bindings) = get(&client, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings").await;
    assert!(bindings["items"].as_array().unwrap().len() > 40);
}
