//! How objects are made, changed and deleted, seen through the in-process client.

#![allow(clippy::unwrap_used)]

mod support;

use http::{Method, Request};
use serde_json::{Value, json};
use support::{local, request::*};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test]
async fn an_object_gets_its_identity_when_it_is_made() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, made) = post(&client, MAPS, map("a", json!({"k": "v"}))).await;
    assert_eq!(code, 201);
    let metadata = &made["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(metadata["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(metadata["managedFields"][0]["manager"], "cowherd");
    assert_eq!(metadata["managedFields"][0]["fieldsV1"]["f:data"], json!({".": {}, "f:k": {}}));
    assert_eq!(get(&client, &format!("{MAPS}/a")).await, (200, made));
    let (code, again) = post(&client, MAPS, map("a", json!({}))).await;
    assert_eq!((code, message(&again)), (409, "configmaps \"a\" already exists"));
    assert_eq!(again["reason"], "AlreadyExists");
}

#[tokio::test]
async fn a_name_is_generated_where_only_its_beginning_is_given() {
    let (server, _directory) = local().await;
    let client = server.client();
    let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "web-"}});
    let (_, first) = post(&client, MAPS, wanted.clone()).await;
    let (_, second) = post(&client, MAPS, wanted).await;
    let name = first["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    assert_ne!(first["metadata"]["name"], second["metadata"]["name"]);
}

#[tokio::test]
async fn whoever_changes_an_old_version_is_told() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let (_, made) = post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let mut changed = made.clone();
    changed["data"]["k"] = json!("2");
    let (code, changed) = put(&client, &uri, changed).await;
    assert_eq!(code, 200);
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    let (code, stale) = put(&client, &uri, made.clone()).await;
    let words = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
                 changes to the latest version and try again";
    assert_eq!((code, message(&stale)), (409, words));
    // Who names no version means whatever there is.
    let (code, _) = put(&client, &uri, map("a", json!({"k": "3"}))).await;
    assert_eq!(code, 200);
    let (code, status) = put(&client, &format!("{MAPS}/b"), map("b", json!({}))).await;
    assert_eq!((code, message(&status)), (404, "configmaps \"b\" not found"));
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (_, made) = post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let uri = format!("{MAPS}/a");
    let (_, same) = put(&client, &uri, made.clone()).await;
    assert_eq!(same, made);
    let (_, same) = merge(&client, &uri, json!({"data": {"k": "1"}})).await;
    assert_eq!(same, made);
    let applied = format!("{uri}?fieldManager=me");
    let (_, first) = apply(&client, &applied, map("a", json!({"k": "1"}))).await;
    let (_, second) = apply(&client, &applied, map("a", json!({"k": "1"}))).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_dry_run_answers_and_writes_nothing() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, made) = post(&client, &format!("{MAPS}?dryRun=All"), map("a", json!({}))).await;
    assert_eq!((code, made["metadata"]["name"].as_str()), (201, Some("a")));
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.0, 404);
    post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let (_, patched) = merge(&client, &format!("{MAPS}/a?dryRun=All"), json!({"data": {"k": "2"}})).await;
    assert_eq!(patched["data"]["k"], "2");
    delete(&client, &format!("{MAPS}/a?dryRun=All"), Value::Null).await;
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.1["data"]["k"], "1");
    let (code, status) = post(&client, &format!("{MAPS}?dryRun=some"), map("b", json!({}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).contains("dryRun: Unsupported value: \"some\": supported values: \"All\""), "{status}");
}

#[tokio::test]
async fn unknown_and_doubled_fields_are_refused_warned_of_or_dropped() {
    let (server, _directory) = local().await;
    let client = server.client();
    let text =
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"dta":{},"data":{"k":"1"},"data":{"k":"2"}}"#;
    let send = async |validation: &str| {
        let request = Request::builder().method(Method::POST).uri(format!("{MAPS}?{validation}"));
        let request = request.header("content-type", "application/json");
        let response = client.send(request.body(text.as_bytes().to_vec().into()).unwrap()).await.unwrap();
        let warnings: Vec<String> =
            response.headers().get_all("warning").iter().map(|text| text.to_str().unwrap().to_owned()).collect();
        let code = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
        (code, warnings, body)
    };
    let (code, _, status) = send("fieldValidation=Strict").await;
    let words = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
                 duplicate field \"data\", unknown field \"dta\"";
    assert_eq!((code, message(&status)), (400, words));
    let (code, warnings, made) = send("dryRun=All").await;
    assert_eq!(code, 201);
    assert_eq!(warnings, [r#"299 - "duplicate field \"data\"""#, r#"299 - "unknown field \"dta\"""#]);
    assert_eq!((made.get("dta"), &made["data"]["k"]), (None, &json!("2")));
    let (code, warnings, _) = send("fieldValidation=Ignore").await;
    assert_eq!((code, warnings), (201, Vec::new()));
}

#[tokio::test]
async fn what_is_wrong_with_an_object_is_said_field_by_field() {
    let (server, _directory) = local().await;
    let client = server.client();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "Web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": []}}},
    });
    let (code, status) = post(&client, "/apis/apps/v1/namespaces/default/deployments", deployment).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert!(message(&status).starts_with("Deployment.apps \"Web\" is invalid: ["), "{status}");
    let fields: Vec<&str> =
        status["details"]["causes"].as_array().unwrap().iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"metadata.name") && fields.contains(&"spec.template.spec.containers"), "{fields:?}");
    let (code, status) = post(
        &client,
        MAPS,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": 1}}),
    )
    .await;
    assert_eq!(code, 400);
    assert!(
        message(&status)
            .starts_with("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal"),
        "{status}"
    );
}

#[tokio::test]
async fn an_object_needs_a_namespace_that_is_there_and_stays() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, status) = post(&client, "/api/v1/namespaces/x/configmaps", map("a", json!({}))).await;
    assert_eq!((code, message(&status)), (404, "namespaces \"x\" not found"));
    let (_, made) = post(&client, "/api/v1/namespaces", json!({"metadata": {"name": "x"}})).await;
    assert_eq!(made["status"]["phase"], "Active");
    assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"], "x");
    let (code, going) = delete(&client, "/api/v1/namespaces/x", Value::Null).await;
    assert_eq!((code, &going["status"]["phase"]), (200, &json!("Terminating")));
    let (code, status) = post(&client, "/api/v1/namespaces/x/configmaps", map("a", json!({}))).await;
    let words =
        "configmaps \"a\" is forbidden: unable to create new content in namespace x because it is being terminated";
    assert_eq!((code, message(&status)), (403, words));
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let mut finalized = going;
    finalized["spec"]["finalizers"] = json!([]);
    let (code, _) = put(&client, "/api/v1/namespaces/x/finalize", finalized).await;
    assert_eq!(code, 200);
    assert_eq!(get(&client, "/api/v1/namespaces/x").await.0, 404);
    for name in ["default", "kube-system", "kube-public"] {
        let (code, status) = delete(&client, &format!("/api/v1/namespaces/{name}"), Value::Null).await;
        let words = format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        assert_eq!((code, message(&status)), (403, words.as_str()));
    }
}

#[tokio::test]
async fn an_object_with_finalizers_goes_when_the_last_is_taken_away() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let mut wanted = map("a", json!({}));
    wanted["metadata"]["finalizers"] = json!(["example.org/keep"]);
    post(&client, MAPS, wanted).await;
    let (code, going) = delete(&client, &uri, Value::Null).await;
    assert_eq!(code, 200);
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
    let (_, again) = delete(&client, &uri, Value::Null).await;
    assert_eq!(again["metadata"]["resourceVersion"], going["metadata"]["resourceVersion"]);
    let (code, status) =
        merge(&client, &uri, json!({"metadata": {"finalizers": ["example.org/keep", "example.org/more"]}})).await;
    assert_eq!(code, 422, "{status}");
    let (code, _) = merge(&client, &uri, json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200);
    assert_eq!(get(&client, &uri).await.0, 404);
}

#[tokio::test]
async fn propagation_becomes_a_finalizer_for_the_garbage_collector() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
        post(&client, MAPS, map("a", json!({}))).await;
        let (_, going) = delete(&client, &format!("{MAPS}/a"), json!({"propagationPolicy": policy})).await;
        assert_eq!(going["metadata"]["finalizers"], json!([finalizer]));
        let (_, gone) = delete(&client, &format!("{MAPS}/a"), json!({"propagationPolicy": "Background"})).await;
        assert_eq!((&gone["kind"], &gone["status"]), (&json!("Status"), &json!("Success")));
        assert_eq!(gone["details"]["kind"], "configmaps");
    }
}

#[tokio::test]
async fn a_deletion_can_name_the_object_that_it_means() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (_, made) = post(&client, MAPS, map("a", json!({}))).await;
    let uri = format!("{MAPS}/a");
    let (code, status) = delete(&client, &uri, json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!(code, 409);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let words = format!(
        "Operation cannot be fulfilled on configmaps \"a\": Precondition failed: UID in precondition: other, UID in object meta: {uid}"
    );
    assert_eq!(message(&status), words);
    let version = &made["metadata"]["resourceVersion"];
    let (code, _) = delete(&client, &uri, json!({"preconditions": {"uid": uid, "resourceVersion": version}})).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (name, tier) in [("a", "web"), ("b", "web"), ("c", "db")] {
        let mut wanted = map(name, json!({}));
        wanted["metadata"]["labels"] = json!({"tier": tier});
        post(&client, MAPS, wanted).await;
    }
    let (code, deleted) = delete(&client, &format!("{MAPS}?labelSelector=tier%3Dweb"), Value::Null).await;
    assert_eq!((code, deleted["items"].as_array().unwrap().len()), (200, 2));
    let (_, left) = get(&client, MAPS).await;
    let names: Vec<&str> =
        left["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c"]);
}

#[tokio::test]
async fn applies_share_an_object_and_conflicts_name_the_other() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{MAPS}/a");
    let (code, made) = apply(&client, &format!("{uri}?fieldManager=one"), map("a", json!({"k": "1", "l": "1"}))).await;
    assert_eq!(code, 201, "{made}");
    let (code, status) = apply(&client, &format!("{uri}?fieldManager=two"), map("a", json!({"k": "2"}))).await;
    assert_eq!((code, message(&status)), (409, "Apply failed with 1 conflict: conflict with \"one\": .data.k"));
    assert_eq!(status["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let (code, forced) =
        apply(&client, &format!("{uri}?fieldManager=two&force=true"), map("a", json!({"k": "2"}))).await;
    assert_eq!((code, &forced["data"]), (200, &json!({"k": "2", "l": "1"})));
    // What an owner no longer names goes; what another one owns stays.
    let (_, left) = apply(&client, &format!("{uri}?fieldManager=one"), map("a", json!({}))).await;
    assert_eq!(left["data"], json!({"k": "2"}));
    let (code, status) = apply(&client, &uri, map("a", json!({}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).contains("fieldManager: Required value: is required for apply patch"), "{status}");
}

#[tokio::test]
async fn patches_of_every_kind_change_a_deployment() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = "/apis/apps/v1/namespaces/default/deployments/web";
    let wanted = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}, {"name": "log", "image": "log:1"}]},
            },
        },
    });
    let (code, made) = apply(&client, &format!("{uri}?fieldManager=me"), wanted).await;
    assert_eq!((code, &made["spec"]["replicas"], &made["metadata"]["generation"]), (201, &json!(1), &json!(1)));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:2"}]}}}});
    let (_, patched) = call(&client, Method::PATCH, uri, "application/strategic-merge-patch+json", patch).await;
    let containers = &patched["spec"]["template"]["spec"]["containers"];
    assert_eq!((&containers[0]["image"], &containers[1]["image"]), (&json!("nginx:1"), &json!("log:2")));
    assert_eq!(patched["metadata"]["generation"], 2);
    let patch = json!([{"op": "test", "path": "/spec/replicas", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 3}]);
    let (_, patched) = call(&client, Method::PATCH, uri, "application/json-patch+json", patch.clone()).await;
    assert_eq!(patched["spec"]["replicas"], 3);
    let (code, _) = call(&client, Method::PATCH, uri, "application/json-patch+json", patch).await;
    assert_eq!(code, 422);
    let (_, patched) = merge(&client, uri, json!({"spec": {"replicas": null}})).await;
    assert_eq!(patched["spec"]["replicas"], 1);
    let (code, status) = call(&client, Method::PATCH, uri, "text/plain", json!({})).await;
    assert_eq!(code, 415, "{status}");
    let (code, status) =
        merge(&client, uri, json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}})).await;
    assert_eq!(code, 409, "{status}");
}

#[tokio::test]
async fn spec_and_status_are_changed_apart() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = "/apis/apps/v1/namespaces/default/replicasets/web";
    let wanted = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "status": {"replicas": 7},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}},
        },
    });
    let (_, made) = post(&client, "/apis/apps/v1/namespaces/default/replicasets", wanted).await;
    assert_ne!(made["status"]["replicas"], 7);
    let (_, changed) =
        merge(&client, &format!("{uri}/status"), json!({"status": {"replicas": 1}, "spec": {"replicas": 9}})).await;
    assert_eq!((&changed["status"]["replicas"], &changed["spec"]["replicas"]), (&json!(1), &json!(1)));
    assert_eq!(changed["metadata"]["generation"], 1);
    let owners = changed["metadata"]["managedFields"].as_array().unwrap();
    assert!(owners.iter().any(|owner| owner["subresource"] == "status"), "{owners:?}");
    let (_, changed) = merge(&client, uri, json!({"status": {"replicas": 5}, "spec": {"replicas": 2}})).await;
    assert_eq!((&changed["status"]["replicas"], &changed["spec"]["replicas"]), (&json!(1), &json!(2)));
    assert_eq!(changed["metadata"]["generation"], 2);
    let (_, scale) = get(&client, &format!("{uri}/scale")).await;
    assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
    assert_eq!((&scale["status"]["replicas"], &scale["status"]["selector"]), (&json!(1), &json!("app=web")));
    let mut more = scale;
    more["spec"]["replicas"] = json!(4);
    let (code, scaled) = put(&client, &format!("{uri}/scale"), more.clone()).await;
    assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(4)));
    let (code, _) = put(&client, &format!("{uri}/scale"), more).await;
    assert_eq!(code, 409);
}

#[tokio::test]
async fn services_get_addresses_and_ports_of_their_own() {
    let (server, directory) = local().await;
    let client = server.client();
    let services = "/api/v1/namespaces/default/services";
    let wanted = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
    let ports = json!([{"port": 80}]);
    let (code, first) = post(&client, services, wanted("a", json!({"ports": ports}))).await;
    assert_eq!(code, 201, "{first}");
    let address = first["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let octets = address.parse::<std::net::Ipv4Addr>().unwrap().octets();
    assert!(octets[0] == 10 && (96..112).contains(&octets[1]), "{address} is not in 10.96.0.0/12");
    assert_eq!(first["spec"]["clusterIPs"], json!([address]));
    let (_, headless) = post(&client, services, wanted("b", json!({"clusterIP": "None", "ports": ports}))).await;
    assert_eq!(headless["spec"]["clusterIP"], "None");
    let (code, status) = post(&client, services, wanted("c", json!({"clusterIP": address, "ports": ports}))).await;
    assert_eq!(code, 422);
    assert!(message(&status).ends_with("provided IP is already allocated"), "{status}");
    let (_, node) = post(&client, services, wanted("d", json!({"type": "NodePort", "ports": ports}))).await;
    let port = node["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    assert!((30000..=32767).contains(&port));
    let (_, back) = merge(&client, &format!("{services}/d"), json!({"spec": {"type": "ClusterIP"}})).await;
    assert!(back["spec"]["ports"][0].get("nodePort").is_none(), "{back}");
    let (_, kubernetes) = get(&client, &format!("{services}/kubernetes")).await;
    assert_eq!(kubernetes["spec"]["clusterIP"], "10.96.0.1");
    // A server that starts again knows what was given.
    drop(client);
    server.close();
    drop(server);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let server = support::open(&directory, Default::default()).await;
    let client = server.client();
    let (code, _) = post(&client, services, wanted("c", json!({"clusterIP": address, "ports": ports}))).await;
    assert_eq!(code, 422);
    delete(&client, &format!("{services}/a"), Value::Null).await;
    let (code, _) = post(&client, services, wanted("c", json!({"clusterIP": address, "ports": ports}))).await;
    assert_eq!(code, 201);
}

#[tokio::test]
async fn a_pod_runs_as_a_service_account_that_is_there() {
    let (server, _directory) = local().await;
    let client = server.client();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}], "priorityClassName": "system-node-critical"},
    });
    let (code, status) = post(&client, pods, pod.clone()).await;
    let words = "pods \"p\" is forbidden: error looking up service account default/default: serviceaccounts \"default\" not found";
    assert_eq!((code, message(&status)), (403, words));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let (code, made) = post(&client, pods, pod).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["spec"]["serviceAccountName"], "default");
    assert_eq!(made["spec"]["priority"], 2_000_001_000);
    assert_eq!(made["status"]["phase"], "Pending");
    // No node runs it, so nothing needs time to stop.
    let (code, gone) = delete(&client, &format!("{pods}/p"), Value::Null).await;
    assert_eq!((code, &gone["kind"]), (200, &json!("Pod")));
    assert_eq!(get(&client, &format!("{pods}/p")).await.0, 404);
}

#[tokio::test]
async fn what_is_too_large_or_nested_too_deeply_is_refused() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, status) = post(&client, MAPS, map("a", json!({"k": "x".repeat(4 << 20)}))).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let request = Request::post(MAPS).header("content-type", "application/json");
    let response = client.send(request.body(deep.into_bytes().into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn concurrent_patches_all_arrive() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({}))).await;
    let patches = (0..20).map(|number| {
        let client = client.clone();
        tokio::spawn(
            async move { merge(&client, &format!("{MAPS}/a"), json!({"data": {format!("k{number}"): "v"}})).await },
        )
    });
    for patch in patches.collect::<Vec<_>>() {
        assert_eq!(patch.await.unwrap().0, 200);
    }
    let (_, object) = get(&client, &format!("{MAPS}/a")).await;
    assert_eq!(object["data"].as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn what_a_service_gives_up_others_can_have() {
    let (server, _directory) = local().await;
    let client = server.client();
    let services = "/api/v1/namespaces/default/services";
    let wanted = |name: &str, port: u64| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]},
        })
    };
    assert_eq!(post(&client, services, wanted("a", 30_100)).await.0, 201);
    assert_eq!(post(&client, services, wanted("b", 30_100)).await.0, 422);
    // A change that is refused takes nothing.
    let refused = json!({"spec": {"ports": [{"port": 80, "nodePort": 30_200}, {"port": 80, "nodePort": 30_100}]}});
    assert_eq!(merge(&client, &format!("{services}/a"), refused).await.0, 422);
    assert_eq!(post(&client, services, wanted("c", 30_200)).await.0, 201);
    let (code, status) = merge(&client, &format!("{services}/a"), json!({"spec": {"type": "ClusterIP"}})).await;
    assert_eq!(code, 200, "{status}");
    assert_eq!(post(&client, services, wanted("b", 30_100)).await.0, 201);
}

#[tokio::test]
async fn nothing_is_written_that_could_not_be_answered() {
    let (server, _directory) = local().await;
    let client = server.client();
    let request = Request::post(MAPS).header("content-type", "application/json").header("accept", "image/png");
    let body = serde_json::to_vec(&map("a", json!({}))).unwrap();
    let response = client.send(request.body(body.into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 406);
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.0, 404);
}

#[tokio::test]
async fn whoever_writes_what_has_no_effect_is_told() {
    let (server, _directory) = local().await;
    let client = server.client();
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}});
    let request = Request::post("/api/v1/namespaces/default/resourcequotas").header("content-type", "application/json");
    let response = client.send(request.body(serde_json::to_vec(&quota).unwrap().into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 201);
    let warning = response.headers()["warning"].to_str().unwrap();
    assert_eq!(warning, "299 - \"v1 ResourceQuota: kept without effect, quotas are not enforced by this server\"");
}

#[tokio::test]
async fn a_name_cannot_lead_to_another_object() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({}))).await;
    assert_eq!(get(&client, "/api/v1/namespaces/default%2Fa/configmaps").await.0, 404);
    assert_eq!(get(&client, "/api/v1/configmaps/default%2Fa").await.0, 404);
    assert_eq!(get(&client, "/api/v1/nodes/..%2Fconfigmaps%2Fdefault%2Fa").await.0, 404);
}

#[tokio::test]
async fn events_are_the_same_in_both_of_their_groups() {
    let (server, _directory) = local().await;
    let client = server.client();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "Applied", "message": "done", "type": "Normal",
        "involvedObject": {"kind": "Deployment", "name": "web", "namespace": "default"}, "source": {"component": "test"},
    });
    let (code, made) = post(&client, "/api/v1/namespaces/default/events", event).await;
    assert_eq!(code, 201, "{made}");
    let (_, seen) = get(&client, "/apis/events.k8s.io/v1/namespaces/default/events/e").await;
    assert_eq!(
        (&seen["note"], &seen["regarding"]["name"], &seen["apiVersion"]),
        (&json!("done"), &json!("web"), &json!("events.k8s.io/v1"))
    );
    let (_, found) = get(&client, "/api/v1/events?fieldSelector=involvedObject.name%3Dweb").await;
    assert_eq!(names(&found), ["e"]);
    let (_, found) = get(&client, "/api/v1/events?fieldSelector=involvedObject.name%3Dother").await;
    assert!(names(&found).is_empty());
}

#[tokio::test]
async fn old_events_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let config = cowherd_apiserver::Config { event_time: std::time::Duration::from_secs(1), ..Default::default() };
    let server = support::open(&directory, config).await;
    let client = server.client();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"},
        "involvedObject": {"kind": "Deployment", "name": "web", "namespace": "default"},
    });
    let uri = "/api/v1/namespaces/default/events";
    post(&client, uri, event).await;
    assert_eq!(get(&client, &format!("{uri}/e")).await.0, 200);
    let gone = async {
        while get(&client, &format!("{uri}/e")).await.0 != 404 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn a_bound_pod_gets_time_to_stop_and_an_eviction_asks_its_budget() {
    let (server, _directory) = local().await;
    let client = server.client();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    post(&client, pods, pod).await;
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    assert_eq!(post(&client, &format!("{pods}/p/binding"), binding.clone()).await.0, 201);
    assert_eq!(post(&client, &format!("{pods}/p/binding"), binding).await.0, 409);
    let (_, bound) = get(&client, &format!("{pods}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    merge(&client, &format!("{pods}/p/status"), json!({"status": {"phase": "Running"}})).await;
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    post(&client, "/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget).await;
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    let (code, status) = post(&client, &format!("{pods}/p/eviction"), eviction).await;
    assert_eq!((code, message(&status)), (429, "Cannot evict pod as it would violate the pod's disruption budget."));
    let budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
    let allowed = json!({"status": {
        "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
        "conditions": [{
            "type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }});
    merge(&client, &format!("{budget}/status"), allowed).await;
    let second = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    post(&client, pods, second).await;
    merge(&client, &format!("{pods}/q/status"), json!({"status": {"phase": "Running"}})).await;
    let evict = |name: &str, more: Value| {
        let mut eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        eviction.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (format!("{pods}/{name}/eviction"), eviction)
    };
    let (path, trial) = evict("q", json!({"deleteOptions": {"dryRun": ["All"]}}));
    assert_eq!(post(&client, &path, trial).await.0, 201);
    let (path, eviction) = evict("q", json!({}));
    assert_eq!(post(&client, &path, eviction).await.0, 201);
    assert_eq!(get(&client, &format!("{pods}/q")).await.0, 404);
    // Until a controller has counted again, what was allowed once is not allowed twice.
    let (path, eviction) = evict("p", json!({}));
    assert_eq!(post(&client, &path, eviction).await.0, 429);
    let (_, taken) = get(&client, budget).await;
    assert_eq!(taken["status"]["disruptionsAllowed"], 0);
    assert_eq!(taken["status"]["disruptedPods"].as_object().unwrap().keys().collect::<Vec<_>>(), ["q"]);
    assert_eq!(taken["status"]["conditions"][0]["status"], "False");
    // Nor is anything where the budget has changed meanwhile.
    merge(&client, &format!("{budget}/status"), json!({"status": {"disruptionsAllowed": 1}})).await;
    merge(&client, budget, json!({"spec": {"minAvailable": 2}})).await;
    let (path, eviction) = evict("p", json!({}));
    assert_eq!(post(&client, &path, eviction).await.0, 429);
    let (_, going) = delete(&client, &format!("{pods}/p"), Value::Null).await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    let (code, status) = get(&client, &format!("{pods}/p/log")).await;
    assert_eq!(code, 400);
    assert!(message(&status).contains("node \"n1\" cannot be reached"), "{status}");
    delete(&client, &format!("{pods}/p"), json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(get(&client, &format!("{pods}/p")).await.0, 404);
}

/// Every way in which an object comes in.
const WAYS: [(&str, &str); 4] = [
    ("application/apply-patch+yaml", "?fieldManager=test"),
    ("application/merge-patch+json", ""),
    ("application/strategic-merge-patch+json", ""),
    ("application/json-patch+json", ""),
];

#[tokio::test]
async fn null_in_a_map_of_texts_is_the_empty_text_wherever_it_comes_in() {
    let (server, _directory) = local().await;
    let client = server.client();
    let nulls = json!({"a": null, "b": "x"});
    let (code, made) = post(&client, MAPS, map("made", nulls.clone())).await;
    assert_eq!((code, &made["data"]), (201, &json!({"a": "", "b": "x"})));
    let (code, updated) = put(&client, &format!("{MAPS}/made"), map("made", json!({"c": null}))).await;
    assert_eq!((code, &updated["data"]), (200, &json!({"c": ""})));
    for (media_type, query) in WAYS {
        let uri = format!("{MAPS}/made{query}");
        let (body, wanted) = match media_type {
            "application/apply-patch+yaml" => (map("made", nulls.clone()), json!({"a": "", "b": "x", "c": ""})),
            // In these a null takes a key away.
            "application/json-patch+json" => {
                (json!([{"op": "add", "path": "/data/d", "value": null}]), json!({"b": "x", "c": "", "d": ""}))
            }
            _ => (json!({"data": {"a": null}}), json!({"b": "x", "c": ""})),
        };
        let (code, patched) = patch(&client, &uri, media_type, body).await;
        assert_eq!((code, &patched["data"]), (200, &wanted), "{media_type}");
    }
}

#[tokio::test]
async fn nulls_inside_a_pod_are_the_zeros_of_their_types() {
    let (server, _directory) = local().await;
    let client = server.client();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"an": null}},
        "spec": {"containers": [{"name": "c", "image": "x", "args": [null, "b"], "resources": {
            "limits": {"cpu": null, "memory": "1024Mi"}}}]},
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let (_, posted) = post(&client, "/api/v1/namespaces/default/pods?dryRun=All", pod.clone()).await;
    let uri = "/api/v1/namespaces/default/pods/p?fieldManager=test";
    let (_, applied) = apply(&client, uri, pod.clone()).await;
    for made in [&posted, &applied] {
        let container = &made["spec"]["containers"][0];
        assert_eq!(container["args"], json!(["", "b"]));
        assert_eq!(container["resources"]["limits"], json!({"cpu": "0", "memory": "1Gi"}));
        assert_eq!(made["metadata"]["annotations"], json!({"an": ""}));
    }
    let (_, again) = apply(&client, uri, pod).await;
    assert_eq!(again, applied, "what is written otherwise than it is kept is no change");
    let mut held = map("held", json!({}));
    held["metadata"]["finalizers"] = json!([null]);
    let (code, refused) = post(&client, MAPS, held).await;
    assert_eq!(code, 422, "{refused}");
}

#[tokio::test]
async fn an_empty_field_that_is_taken_away_changes_nothing() {
    let (server, _directory) = local().await;
    let client = server.client();
    let deployment = |annotations: Value, more: Value| {
        let mut container = json!({"name": "c", "image": "x"});
        container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "em"},
            "spec": {"selector": {"matchLabels": {"a": "em"}}, "template": {
                "metadata": {"labels": {"a": "em"}, "annotations": annotations}, "spec": {"containers": [container]}}},
        })
    };
    let uri = "/apis/apps/v1/namespaces/default/deployments/em?fieldManager=test";
    let applied = |body: Value| apply(&client, uri, body);
    let (code, one) = applied(deployment(json!({}), json!({"env": [], "stdin": false, "workingDir": ""}))).await;
    assert_eq!((code, &one["metadata"]["generation"]), (201, &json!(1)), "{one}");
    assert_eq!(one["spec"]["template"]["metadata"], json!({"labels": {"a": "em"}}));
    let (_, two) = applied(deployment(json!(null), json!({}))).await;
    assert_eq!(two["metadata"]["generation"], 1);
    assert_eq!(two["spec"], one["spec"]);
}

/// What kube-apiserver 1.35 answers.
#[tokio::test]
async fn what_takes_the_place_of_an_object_says_its_name_itself() {
    let (server, _directory) = local().await;
    let client = server.client();
    post(&client, MAPS, map("a", json!({"k": "1"}))).await;
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(post(&client, deployments, web.clone()).await.0, 201);
    let scale =
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}, "spec": {}});
    for (uri, object, name) in [
        (format!("{MAPS}/a"), map("a", json!({"k": "2"})), "a"),
        (format!("{deployments}/web"), web.clone(), "web"),
        (format!("{deployments}/web/status"), web, "web"),
        (format!("{deployments}/web/scale"), scale, "web"),
        ("/api/v1/namespaces/default/finalize".to_owned(), namespace, "default"),
    ] {
        let (_, before) = get(&client, uri.trim_end_matches("/finalize")).await;
        let mut nameless = object.clone();
        nameless["metadata"].as_object_mut().unwrap().remove("name");
        let (code, refused) = put(&client, &uri, nameless).await;
        let why = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
        assert_eq!((code, message(&refused)), (400, why.as_str()), "{uri}");
        let mut other = object.clone();
        other["metadata"]["name"] = json!("other");
        let (code, refused) = put(&client, &uri, other).await;
        let why = format!("the name of the object (other) does not match the name on the URL ({name})");
        assert_eq!((code, message(&refused)), (400, why.as_str()), "{uri}");
        assert_eq!(get(&client, uri.trim_end_matches("/finalize")).await.1, before, "{uri}");
        assert_eq!(put(&client, &uri, object).await.0, 200, "{uri}");
    }
}
