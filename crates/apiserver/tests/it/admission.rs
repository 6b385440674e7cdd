//! What objects get that their writers left out, what they keep, and what is refused beyond their own fields.

use crate::support::{local, open, request::*};
use cowherd_apiserver::{ApiServer, Config, Undeletable};
use kube::Client;
use serde_json::{Value, json};

const NAMESPACES: &str = "/api/v1/namespaces";
const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A server whose namespace `default` has the service accounts `default` and `robot`.
async fn with_accounts() -> (ApiServer, tempfile::TempDir) {
    let (server, directory) = local().await;
    for name in ["default", "robot"] {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        made(&server.client(), "/api/v1/namespaces/default/serviceaccounts", account).await;
    }
    (server, directory)
}

/// Makes an object, which must be allowed; the object.
async fn made(client: &Client, uri: &str, object: Value) -> Value {
    let (code, made) = post(client, uri, object).await;
    assert_eq!(code, 201, "{made}");
    made
}

/// A Pod with more in its spec.
fn pod(name: &str, more: Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

fn node_ports(service: &Value) -> Vec<Option<u64>> {
    service["spec"]["ports"].as_array().unwrap().iter().map(|port| port["nodePort"].as_u64()).collect()
}

#[tokio::test]
async fn a_pod_runs_as_the_account_that_it_names_or_as_the_default_one() {
    let (server, _directory) = with_accounts().await;
    let client = server.client();
    for (name, more, account) in [
        ("a", json!({}), "default"),
        ("b", json!({"serviceAccountName": ""}), "default"),
        ("c", json!({"serviceAccountName": "robot"}), "robot"),
    ] {
        let spec = made(&client, PODS, pod(name, more)).await["spec"].clone();
        assert_eq!((&spec["serviceAccountName"], &spec["serviceAccount"]), (&json!(account), &json!(account)));
    }
    let (code, status) = post(&client, PODS, pod("d", json!({"serviceAccountName": "nobody"}))).await;
    assert_eq!(code, 403);
    assert!(message(&status).contains("error looking up service account default/nobody"), "{status}");
}

#[tokio::test]
async fn a_pod_stays_on_a_lost_node_for_five_minutes_unless_it_says_otherwise() {
    let (server, _directory) = with_accounts().await;
    let client = server.client();
    const NOT_READY: &str = "node.kubernetes.io/not-ready";
    const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
    let own = |key: &str, effect: &str| json!({"key": key, "operator": "Exists", "effect": effect});
    for (number, (tolerations, added)) in [
        (json!([]), vec![NOT_READY, UNREACHABLE]),
        (json!([own(NOT_READY, "NoExecute")]), vec![UNREACHABLE]),
        (json!([own(UNREACHABLE, "")]), vec![NOT_READY]),
        (json!([own(NOT_READY, "NoSchedule")]), vec![NOT_READY, UNREACHABLE]),
        (json!([own("", "NoExecute")]), vec![]),
        (json!([own("", "")]), vec![]),
        (json!([own("", "NoSchedule")]), vec![NOT_READY, UNREACHABLE]),
        (json!([own("other", "NoExecute")]), vec![NOT_READY, UNREACHABLE]),
    ]
    .into_iter()
    .enumerate()
    {
        let made = made(&client, PODS, pod(&format!("p{number}"), json!({"tolerations": tolerations}))).await;
        let all = made["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
        let wanted: Vec<Value> = added
            .iter()
            .map(|key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}))
            .collect();
        assert_eq!(all[tolerations.as_array().unwrap().len()..], wanted, "{tolerations}");
    }
}

#[tokio::test]
async fn a_pod_has_the_priority_of_its_class_or_of_the_default_one() {
    let (server, _directory) = with_accounts().await;
    let client = server.client();
    let of = async |name: &str, more: Value| {
        let spec = made(&client, PODS, pod(name, more)).await["spec"].clone();
        (spec["priorityClassName"].clone(), spec["priority"].clone(), spec["preemptionPolicy"].clone())
    };
    let preempts = json!("PreemptLowerPriority");
    assert_eq!(of("a", json!({})).await, (Value::Null, json!(0), preempts.clone()));
    let class = |name: &str, value: i64, default: bool, policy: &str| {
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": value, "globalDefault": default, "preemptionPolicy": policy})
    };
    made(&client, CLASSES, class("low", -5, false, "PreemptLowerPriority")).await;
    made(&client, CLASSES, class("patient", 7, true, "Never")).await;
    assert_eq!(of("b", json!({})).await, (json!("patient"), json!(7), json!("Never")));
    assert_eq!(of("c", json!({"priorityClassName": "low"})).await, (json!("low"), json!(-5), preempts));
    let (code, status) = post(&client, PODS, pod("d", json!({"priorityClassName": "absent"}))).await;
    let words = "pods \"d\" is forbidden: no PriorityClass with name absent was found";
    assert_eq!((code, message(&status)), (403, words));
}

#[tokio::test]
async fn a_service_keeps_what_it_was_given() {
    let (server, _directory) = local().await;
    let client = server.client();
    let port = |name: &str, port: u64, protocol: &str| json!({"name": name, "port": port, "protocol": protocol});
    let ports = json!([port("a", 53, "TCP"), port("b", 53, "UDP"), port("c", 80, "TCP")]);
    let wanted = service("s", json!({"type": "NodePort", "ports": ports}));
    let first = made(&client, SERVICES, wanted.clone()).await;
    let given = node_ports(&first);
    assert!(given.iter().all(Option::is_some) && given[0] != given[1] && given[1] != given[2], "{given:?}");

    // Who writes it as it was first written takes nothing from it.
    let uri = format!("{SERVICES}/s");
    let mut again = wanted;
    again["spec"]["ports"].as_array_mut().unwrap().swap(0, 2);
    again["metadata"]["labels"] = json!({"a": "b"});
    let (code, second) = put(&client, &uri, again).await;
    assert_eq!(code, 200, "{second}");
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        assert_eq!(second["spec"][field], first["spec"][field], "{field}");
    }
    assert_eq!(node_ports(&second), [given[2], given[1], given[0]]);

    // A port that is new, or that the client names, is another one.
    let ports = json!([port("c", 81, "TCP"), {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30_777}]);
    let (code, third) = put(&client, &uri, service("s", json!({"type": "NodePort", "ports": ports}))).await;
    assert_eq!(code, 200, "{third}");
    let now = node_ports(&third);
    assert!(now[1] == Some(30_777) && now[0].is_some_and(|port| !given.contains(&Some(port))), "{now:?}");
}

#[tokio::test]
async fn what_only_the_former_type_of_a_service_had_goes_with_it() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = format!("{SERVICES}/s");
    let balanced = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "loadBalancerClass": "a.b/c",
        "allocateLoadBalancerNodePorts": true, "ports": [{"port": 80}]});
    let first = made(&client, SERVICES, service("s", balanced)).await;
    assert!(node_ports(&first)[0].is_some());
    // Whoever changes what goes with the type is told that it does not fit.
    let other = json!({"spec": {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": 30_555}]}});
    assert_eq!(merge(&client, &uri, other).await.0, 422);

    let (code, second) = merge(&client, &uri, json!({"spec": {"type": "NodePort"}})).await;
    assert_eq!(code, 200, "{second}");
    assert_eq!(node_ports(&second), node_ports(&first));
    let spec = second["spec"].as_object().unwrap();
    assert_eq!(spec["externalTrafficPolicy"], "Local", "a NodePort has it, too");
    assert!(!spec.contains_key("loadBalancerClass") && !spec.contains_key("allocateLoadBalancerNodePorts"), "{second}");
    let (code, third) = merge(&client, &uri, json!({"spec": {"type": "ClusterIP"}})).await;
    assert_eq!(code, 200, "{third}");
    assert_eq!(node_ports(&third), [None]);
    assert!(third["spec"].get("externalTrafficPolicy").is_none(), "{third}");
    assert_eq!(third["spec"]["clusterIP"], first["spec"]["clusterIP"]);
}

#[tokio::test]
async fn a_service_gets_an_address_and_ports_if_its_type_has_them() {
    let (server, _directory) = local().await;
    let client = server.client();
    let external = json!({"type": "ExternalName", "externalName": "example.org"});
    let outside = made(&client, SERVICES, service("outside", external.clone())).await;
    assert!(outside["spec"].get("clusterIP").is_none(), "{outside}");
    let plain = made(&client, SERVICES, service("plain", json!({"ports": [{"port": 80}]}))).await;
    assert_eq!(node_ports(&plain), [None]);
    assert_eq!(
        (&plain["spec"]["ipFamilies"], &plain["spec"]["ipFamilyPolicy"]),
        (&json!(["IPv4"]), &json!("SingleStack"))
    );
    let (code, turned) = put(&client, &format!("{SERVICES}/plain"), service("plain", external)).await;
    assert_eq!(code, 200, "{turned}");
    assert!(turned["spec"].get("clusterIP").is_none(), "{turned}");
    let without = json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]});
    assert_eq!(node_ports(&made(&client, SERVICES, service("without", without)).await), [None]);
    let two = json!({"type": "LoadBalancer", "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]});
    let two = node_ports(&made(&client, SERVICES, service("two", two)).await);
    assert!(two[0].is_some() && two[1].is_some() && two[0] != two[1], "{two:?}");
    let ports: Vec<Value> = (1..=200).map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
    let many = made(&client, SERVICES, service("many", json!({"type": "NodePort", "ports": ports}))).await;
    let given: std::collections::BTreeSet<_> = node_ports(&many).into_iter().flatten().collect();
    assert_eq!(given.len(), 200, "no two are the same");
    let zero = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 0}]});
    let zero = node_ports(&made(&client, SERVICES, service("zero", zero)).await);
    assert!(zero[0].is_some_and(|port| port > 0), "zero is none: {zero:?}");
    // Ports are given in turn; one that the Service itself names is passed over.
    let next = zero[0].filter(|port| *port < 32_767).map_or(30_086, |port| port + 1);
    let ports = json!([{"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": next}]);
    let both = node_ports(&made(&client, SERVICES, service("both", json!({"type": "NodePort", "ports": ports}))).await);
    assert!(both[0].is_some() && both[0] != both[1] && both[1] == Some(next), "{both:?}");
}

#[tokio::test]
async fn what_a_service_asks_for_must_be_there_to_be_had() {
    let (server, _directory) = local().await;
    let client = server.client();
    let ports = || json!([{"port": 80}]);
    let named = made(&client, SERVICES, service("a", json!({"clusterIP": "10.96.7.7", "ports": ports()}))).await;
    assert_eq!(named["spec"]["clusterIPs"], json!(["10.96.7.7"]));
    let refused = async |spec: Value| {
        let (code, status) = post(&client, SERVICES, service("b", spec)).await;
        assert_eq!(code, 422, "{status}");
        message(&status).to_owned()
    };
    let of = |address: &str| json!({"clusterIP": address, "ports": ports()});
    assert!(refused(of("10.96.7.7")).await.contains("provided IP is already allocated"));
    assert!(refused(of("10.200.0.1")).await.contains("provided IP is not in the valid range"));
    let at = |port: u64| json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]});
    for port in [29_999, 32_768] {
        assert!(refused(at(port)).await.contains("provided port is not in the valid range"));
    }
    for (name, port) in [("first", 30_000), ("last", 32_767)] {
        assert_eq!(node_ports(&made(&client, SERVICES, service(name, at(port))).await), [Some(port)]);
        assert!(refused(at(port)).await.contains("provided port is already allocated"));
    }
    // It may go on with its own.
    let (code, same) = merge(&client, &format!("{SERVICES}/first"), json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((code, node_ports(&same)), (200, vec![Some(30_000)]), "{same}");
}

#[tokio::test]
async fn a_namespace_has_its_finalizer_once_and_its_name_as_a_label() {
    let (server, _directory) = local().await;
    let client = server.client();
    for (name, finalizers, all) in [
        ("a", json!([]), json!(["kubernetes"])),
        ("b", json!(["kubernetes", "x.y/z"]), json!(["kubernetes", "x.y/z"])),
        ("c", json!(["x.y/z"]), json!(["x.y/z", "kubernetes"])),
    ] {
        let namespace = json!({"metadata": {"name": name}, "spec": {"finalizers": finalizers}});
        assert_eq!(made(&client, NAMESPACES, namespace).await["spec"]["finalizers"], all);
    }
    let change =
        json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "other", "l": "m"}}, "spec": {"finalizers": []}});
    let (code, changed) = merge(&client, &format!("{NAMESPACES}/c"), change).await;
    assert_eq!(code, 200, "{changed}");
    assert_eq!(changed["spec"]["finalizers"], json!(["x.y/z", "kubernetes"]));
    assert_eq!(changed["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "c", "l": "m"}));
}

/// Selectors, and with them policies, go by this label: nobody may make a namespace pass for another.
#[tokio::test]
async fn no_patch_makes_a_namespace_pass_for_another() {
    let (server, _directory) = local().await;
    let client = server.client();
    made(&client, NAMESPACES, json!({"metadata": {"name": "c"}})).await;
    const LABEL: &str = "kubernetes.io/metadata.name";
    const POINTER: &str = "/metadata/labels/kubernetes.io~1metadata.name";
    let remove = |path: &str| json!({"op": "remove", "path": path});
    let forge = json!({"op": "add", "path": POINTER, "value": "kube-system"});
    let merges = [
        json!({"metadata": {"name": null, "labels": {LABEL: "kube-system"}}}),
        json!({"metadata": {"name": "", "labels": {LABEL: "kube-system"}}}),
        json!({"metadata": {"name": null, "labels": {LABEL: null}}}),
        json!({"metadata": {"name": null, "labels": null}}),
        json!({"metadata": null}),
    ];
    let merges = merges.iter().flat_map(|patch| {
        ["application/merge-patch+json", "application/strategic-merge-patch+json"].map(|kind| (kind, patch.clone()))
    });
    let differences = [
        json!([remove("/metadata/name"), forge]),
        json!([remove("/metadata/name"), remove(POINTER)]),
        json!([remove("/metadata/name"), remove("/metadata/labels")]),
        json!([remove("/metadata")]),
    ];
    let differences = differences.map(|patch| ("application/json-patch+json", patch));
    for (kind, patch) in merges.chain(differences) {
        for path in ["c", "c/status"] {
            let uri = format!("{NAMESPACES}/{path}");
            let (code, answer) = crate::support::request::patch(&client, &uri, kind, patch.clone()).await;
            assert_eq!(code, 400, "{patch}: {answer}");
            assert!(message(&answer).contains("name must be provided"), "{answer}");
            let (_, stored) = get(&client, &format!("{NAMESPACES}/c")).await;
            assert_eq!(stored["metadata"]["labels"], json!({LABEL: "c"}), "{path} {kind} {patch}: {answer}");
        }
    }
}

/// The definition of cows, with these names beside the plural and the kind.
fn cows(names: Value, finalizers: Value) -> Value {
    let mut all = json!({"plural": "cows", "kind": "Cow"});
    all.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cows.farm.example", "finalizers": finalizers},
        "spec": {"group": "farm.example", "scope": "Namespaced", "names": all,
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    })
}

#[tokio::test]
async fn a_definition_has_its_finalizer_once_and_the_names_that_follow_from_others() {
    let (server, _directory) = local().await;
    let client = server.client();
    const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
    let definition = made(&client, DEFINITIONS, cows(json!({}), json!(["x.y/z"]))).await;
    assert_eq!(definition["metadata"]["finalizers"], json!(["x.y/z", CLEANUP]));
    let names = json!({"plural": "cows", "kind": "Cow", "singular": "cow", "listKind": "CowList"});
    assert_eq!(
        (&definition["spec"]["names"], &definition["spec"]["conversion"]),
        (&names, &json!({"strategy": "None"}))
    );
    let mut again = cows(json!({}), json!([CLEANUP]));
    again["metadata"]["resourceVersion"] = definition["metadata"]["resourceVersion"].clone();
    let (code, again) = put(&client, &format!("{DEFINITIONS}/cows.farm.example"), again).await;
    assert_eq!(code, 200, "{again}");
    assert_eq!((&again["spec"]["names"], &again["spec"]["conversion"]), (&names, &json!({"strategy": "None"})));
    let mut bulls = cows(json!({"plural": "bulls", "kind": "Bull", "singular": "beef"}), json!([CLEANUP]));
    bulls["metadata"]["name"] = "bulls.farm.example".into();
    let own = made(&client, DEFINITIONS, bulls).await;
    assert_eq!(own["metadata"]["finalizers"], json!([CLEANUP]));
    assert_eq!(own["spec"]["names"]["singular"], "beef");
}

#[tokio::test]
async fn what_is_needed_cannot_be_deleted_and_anything_else_can() {
    let directory = tempfile::tempdir().unwrap();
    let needed =
        Undeletable { group: "scheduling.k8s.io".into(), plural: "priorityclasses".into(), name: "needed".into() };
    let server = open(&directory, Config { undeletable: vec![needed], ..Config::default() }).await;
    let client = server.client();
    for name in ["needed", "other"] {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1});
        made(&client, CLASSES, class).await;
    }
    made(&client, NAMESPACES, json!({"metadata": {"name": "needed"}})).await;
    let (code, status) = delete(&client, &format!("{CLASSES}/needed"), Value::Null).await;
    assert_eq!(code, 403);
    assert!(message(&status).ends_with("this control plane needs it; it may not be deleted"), "{status}");
    assert_eq!(delete(&client, &format!("{CLASSES}/other"), Value::Null).await.0, 200);
    assert_eq!(delete(&client, &format!("{NAMESPACES}/needed"), Value::Null).await.0, 200, "it is another kind");
    // Names are immortal among namespaces alone.
    let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "default"}, "value": 1});
    made(&client, CLASSES, class).await;
    assert_eq!(delete(&client, &format!("{CLASSES}/default"), Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_definition_that_is_needed_goes_on_being_served() {
    let directory = tempfile::tempdir().unwrap();
    let needed = Undeletable {
        group: "apiextensions.k8s.io".into(),
        plural: "customresourcedefinitions".into(),
        name: "cows.example.org".into(),
    };
    let server = open(&directory, Config { undeletable: vec![needed], ..Config::default() }).await;
    let client = server.client();
    let version = |name: &str, served: bool, storage: bool| {
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        json!({"name": name, "served": served, "storage": storage, "schema": schema})
    };
    let definition = |plural: &str, versions: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.example.org")},
            "spec": {
                "group": "example.org", "scope": "Namespaced", "names": {"plural": plural, "kind": plural},
                "versions": versions,
            },
        })
    };
    for plural in ["cows", "dogs"] {
        made(&client, DEFINITIONS, definition(plural, json!([version("v1", true, true)]))).await;
    }
    let (cows, dogs) = (format!("{DEFINITIONS}/cows.example.org"), format!("{DEFINITIONS}/dogs.example.org"));
    let gone = [
        json!([version("v1", false, true)]),
        json!([version("v2", true, true)]),
        json!([version("v1", false, false), version("v2", true, true)]),
    ];
    for versions in gone {
        let (code, refused) = merge(&client, &cows, json!({"spec": {"versions": versions}})).await;
        assert_eq!(code, 422, "{refused}");
        assert!(message(&refused).contains("version v1 may not cease to be served"), "{refused}");
    }
    // Another version may come, and others may do as they like with theirs.
    let more = json!({"spec": {"versions": [version("v1", true, false), version("v2", true, true)]}});
    assert_eq!(merge(&client, &cows, more).await.0, 200);
    assert_eq!(merge(&client, &dogs, json!({"spec": {"versions": [version("v1", false, true)]}})).await.0, 200);
}
