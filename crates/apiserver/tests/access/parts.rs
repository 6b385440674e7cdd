//! What is asked for by a POST below an object: which object it may name, and which others. And what a Pod may not say of itself.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Recorded};

const PODS: &str = "/api/v1/namespaces/walk/pods";
const ACCOUNTS: &str = "/api/v1/namespaces/walk/serviceaccounts";

/// Two Pods of two accounts, a Secret and a node.
async fn prepare(cluster: &Cluster) {
    let pod = |name: &str, account: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "serviceAccountName": account, "automountServiceAccountToken": false,
            "containers": [{"name": "c", "image": "i"}],
        }})
    };
    let named = |name: &str| json!({"metadata": {"name": name}});
    for (path, object) in [
        (PODS, pod("part-one", "default")),
        (PODS, pod("part-two", "maker")),
        ("/api/v1/namespaces/walk/secrets", named("part-secret")),
        ("/api/v1/nodes", named("part-node")),
    ] {
        let made = cluster.ask("POST", path, object).await;
        assert_eq!(made.code, 201, "{made:?}");
    }
}

fn tokens() -> Vec<(&'static str, Value)> {
    let to = |kind: &str, version: &str, name: &str| json!({"spec": {"boundObjectRef": {"kind": kind, "apiVersion": version, "name": name}}});
    let with_uid = |kind: &str, name: &str| json!({"spec": {"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name, "uid": "x"}}});
    let asks = [
        json!({}),
        json!({"metadata": {"name": "maker", "namespace": "walk"}}),
        json!({"metadata": {"name": "default"}}),
        json!({"metadata": {"namespace": "other"}}),
        json!({"metadata": {"uid": "x"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}}),
        json!({"spec": {"expirationSeconds": 1_u64 << 32}}),
        json!({"spec": {"expirationSeconds": (1_u64 << 32) + 1}}),
        json!({"spec": {"expirationSeconds": 599}}),
        to("Pod", "v1", "part-two"),
        to("Pod", "", "part-two"),
        to("Pod", "apps/v1", "part-two"),
        to("Pod", "v1", "part-one"),
        to("Pod", "v1", "absent"),
        to("Pod", "v1", ""),
        to("Pod", "v1", "../pods/part-two"),
        to("Pod", "v1", ".."),
        with_uid("Pod", "part-one"),
        with_uid("Pod", "part-two"),
        to("Secret", "v1", "part-secret"),
        to("Secret", "v1", "absent"),
        with_uid("Secret", "part-secret"),
        to("Node", "v1", "part-node"),
        to("Node", "v1", "absent"),
        with_uid("Node", "part-node"),
        to("ConfigMap", "v1", "c"),
        to("", "v1", "part-two"),
        json!({"spec": {"boundObjectRef": {}}}),
    ];
    asks.into_iter().map(|body| ("maker/token", body)).collect()
}

fn of_pods() -> Vec<(&'static str, Value)> {
    let eviction = |metadata: Value| json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
    let binding = |metadata: Value| json!({"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": {"kind": "Node", "name": "n"}});
    let target = |target: Value| json!({"metadata": {"name": "part-one"}, "target": target});
    vec![
        ("part-one/eviction", eviction(json!({"name": "part-two"}))),
        ("part-one/eviction", eviction(json!({}))),
        ("part-one/eviction", eviction(json!({"name": "part-one", "namespace": "other"}))),
        ("part-one/eviction", json!({})),
        ("part-one/eviction", json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "part-one"}})),
        (
            "part-one/eviction",
            json!({"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "part-one"}}),
        ),
        ("part-one/eviction", eviction(json!({"name": "part-one"}))),
        ("absent/eviction", eviction(json!({"name": "absent"}))),
        ("part-one/binding", binding(json!({"name": "part-two"}))),
        ("part-one/binding", binding(json!({}))),
        ("part-one/binding", binding(json!({"name": "part-one", "namespace": "other"}))),
        ("part-one/binding", json!({})),
        ("part-one/binding", json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "part-one"}})),
        ("part-one/binding", target(json!({"kind": "Pod", "name": "n"}))),
        ("part-one/binding", target(json!({}))),
        ("part-one/binding", target(json!({"name": "n"}))),
        ("part-one/binding", binding(json!({"name": "part-one", "uid": "x"}))),
        ("part-one/binding", binding(json!({"name": "part-one", "resourceVersion": "1"}))),
        ("absent/binding", binding(json!({"name": "absent"}))),
        ("part-one/binding", binding(json!({"name": "part-one", "labels": {"l": "m"}, "annotations": {"a": "b"}}))),
    ]
}

/// Pods that say themselves how important they are.
fn priorities() -> Vec<Value> {
    let of = |spec: Value| {
        let mut pod = json!({"metadata": {"name": "part-new"}, "spec": spec});
        pod["spec"]["containers"] = json!([{"name": "c", "image": "i"}]);
        pod["spec"]["automountServiceAccountToken"] = false.into();
        pod
    };
    let critical = "system-cluster-critical";
    [
        json!({"priority": 2_000_000_000}),
        json!({"priority": 0}),
        json!({"priority": 2_000_000_000, "priorityClassName": critical}),
        json!({"priority": 5, "priorityClassName": critical}),
        json!({"preemptionPolicy": "Never"}),
        json!({"preemptionPolicy": "Never", "priorityClassName": critical}),
        json!({"preemptionPolicy": "PreemptLowerPriority"}),
    ]
    .map(of)
    .into()
}

/// The code and what is said, with marks for what differs each time. Nothing is written.
async fn asked(cluster: &Cluster, path: &str, body: &Value) -> Value {
    let answered = cluster.ask("POST", &format!("{path}?dryRun=All"), body.clone()).await;
    // What Go says of its types.
    let message = answered.message().split(": converting").next().unwrap_or_default();
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_uid = bare.len() == 36 && bare.matches('-').count() == 4;
        if is_uid { word.replace(bare, "UID") } else { word.to_owned() }
    };
    let words: Vec<String> = message.split(' ').map(word).collect();
    json!({"code": answered.code, "message": words.join(" ")})
}

/// What is known to be otherwise than in Kubernetes.
fn expected(real: Value) -> Value {
    let message = real["message"].as_str().unwrap();
    // A mistake in a binding is one of the client, not of the server.
    if real["code"] == 500 && message.starts_with("target.") {
        let message = message.replace(", \"<empty>\"", "");
        return json!({"code": 422, "message": format!("Binding \"part-one\" is invalid: {message}")});
    }
    // The store of Kubernetes adds what it knows of its keys; and there, a version differs each time.
    if let Some((what, rest)) = message.split_once("StorageError: ")
        && let Some((_, why)) = rest.split_once("AdditionalErrorMsg: ")
    {
        let why = why.split(" in object meta: ").next().unwrap();
        return json!({"code": real["code"], "message": format!("{what}{why}")});
    }
    real
}

fn without_live_version(mut ours: Value) -> Value {
    let message = ours["message"].as_str().unwrap().split(" in object meta: ").next().unwrap().to_owned();
    ours["message"] = message.into();
    ours
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_names_its_object_and_no_other_as_in_kubernetes() {
    let ours = Cluster::ours().await;
    prepare(&ours).await;
    let mut recorded = Recorded::open("parts").await;
    recorded.prepare(prepare).await;
    let tokens = tokens().into_iter().map(|(path, body)| (format!("{ACCOUNTS}/{path}"), body));
    let asks = tokens.chain(of_pods().into_iter().map(|(path, body)| (format!("{PODS}/{path}"), body)));
    let asks = asks.chain(priorities().into_iter().map(|pod| (PODS.to_owned(), pod)));
    let mut others = Vec::new();
    for (path, body) in asks {
        let name = format!("POST {path} {body}");
        let real = recorded.answer(&name, |real| async { asked(&{ real }, &path, &body).await }).await;
        let expected = expected(real);
        let ours = without_live_version(asked(&ours, &path, &body).await);
        if ours != expected {
            others.push(format!("{name}\n  ours {ours}\n  real {expected}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_bound_once_and_gets_what_its_binding_says() {
    let ours = Cluster::ours().await;
    prepare(&ours).await;
    let bind = async |node: &str| {
        let metadata = json!({"name": "part-one", "labels": {"zone": "a"}, "annotations": {"by": "hand"}});
        let body = json!({"metadata": metadata, "target": {"kind": "Node", "name": node}});
        ours.ask("POST", &format!("{PODS}/part-one/binding"), body).await.code
    };
    // Of those who bind at the same time, one is told that it did.
    let mut codes =
        [bind("a"), bind("b"), bind("c")].map(Box::pin).into_iter().collect::<futures::future::JoinAll<_>>().await;
    codes.sort();
    assert_eq!(codes, [201, 409, 409]);
    let pod = ours.ask("GET", &format!("{PODS}/part-one"), Value::Null).await.document;
    assert_eq!(pod["metadata"]["labels"]["zone"], "a");
    assert_eq!(pod["metadata"]["annotations"]["by"], "hand");
    assert_eq!(pod["status"]["conditions"][0]["type"], "PodScheduled");
}
