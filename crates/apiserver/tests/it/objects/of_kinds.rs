//! What is so for some kinds alone: Services, Pods, Events.

use serde_json::{Value, json};

use crate::support::{local, request::*};

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
    let server = crate::support::open(&directory, Default::default()).await;
    let client = server.client();
    let (code, _) = post(&client, services, wanted("c", json!({"clusterIP": address, "ports": ports}))).await;
    assert_eq!(code, 422);
    delete(&client, &format!("{services}/a"), Value::Null).await;
    let (code, _) = post(&client, services, wanted("c", json!({"clusterIP": address, "ports": ports}))).await;
    assert_eq!(code, 201);
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
    let server = crate::support::open(&directory, config).await;
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
