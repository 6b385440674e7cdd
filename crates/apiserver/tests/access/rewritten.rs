//! Objects that are written again otherwise: what stays, what goes, what is refused, as a real kube-apiserver has it.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Recorded};

/// Services as they were, and as they shall be.
fn services() -> Vec<(Value, Value)> {
    let port = json!([{"port": 80}]);
    let fixed = json!([{"port": 80, "nodePort": 30917}]);
    let cluster = json!({"ports": port});
    let node = json!({"type": "NodePort", "ports": fixed});
    let external = json!({"type": "ExternalName", "externalName": "db.example.org"});
    let balanced = |class: Value| json!({"type": "LoadBalancer", "loadBalancerClass": class, "ports": fixed});
    let with = |mut spec: Value, field: &str, value: Value| {
        spec[field] = value;
        spec
    };
    vec![
        (cluster.clone(), cluster.clone()),
        (cluster.clone(), node.clone()),
        (node.clone(), json!({"type": "NodePort", "ports": port})),
        (node.clone(), cluster.clone()),
        (node.clone(), json!({"type": "ClusterIP", "ports": fixed})),
        (node.clone(), json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30918}]})),
        (node.clone(), balanced(json!("a.b/c"))),
        (node.clone(), with(node.clone(), "loadBalancerClass", json!("a.b/c"))),
        (cluster.clone(), with(cluster.clone(), "loadBalancerClass", json!("a.b/c"))),
        (balanced(json!("a.b/c")), balanced(json!("a.b/d"))),
        (balanced(json!("a.b/c")), balanced(Value::Null)),
        (balanced(Value::Null), balanced(json!("a.b/c"))),
        (balanced(json!("a.b/c")), with(node.clone(), "loadBalancerClass", json!("a.b/c"))),
        (balanced(json!("a.b/c")), with(node.clone(), "loadBalancerClass", json!("a.b/d"))),
        (balanced(json!("a.b/c")), node.clone()),
        (balanced(json!("a.b/c")), cluster.clone()),
        (balanced(json!("a.b/c")), external.clone()),
        (balanced(json!("not a class")), cluster.clone()),
        (cluster.clone(), with(node.clone(), "allocateLoadBalancerNodePorts", json!(false))),
        (balanced(Value::Null), with(node.clone(), "allocateLoadBalancerNodePorts", json!(false))),
        (cluster.clone(), external.clone()),
        (external.clone(), cluster.clone()),
        (external.clone(), node.clone()),
        (cluster.clone(), with(cluster.clone(), "clusterIP", json!("None"))),
        (cluster.clone(), with(cluster.clone(), "clusterIPs", json!(["10.96.7.7"]))),
        (with(cluster.clone(), "clusterIP", json!("None")), cluster.clone()),
        (cluster.clone(), with(cluster.clone(), "ipFamilies", json!(["IPv6"]))),
        (cluster.clone(), with(cluster.clone(), "ipFamilyPolicy", json!("PreferDualStack"))),
        (cluster.clone(), with(cluster.clone(), "externalTrafficPolicy", json!("Local"))),
        (node.clone(), with(node.clone(), "externalTrafficPolicy", json!("Local"))),
        (with(node.clone(), "externalTrafficPolicy", json!("Local")), node),
        (cluster.clone(), with(cluster, "healthCheckNodePort", json!(30999))),
    ]
}

/// StatefulSets whose claims are as they say.
fn claims() -> Vec<Value> {
    let fine = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let with = |field: &str, value: Value| {
        let mut claim = fine.clone();
        claim[field] = value;
        claim
    };
    vec![
        fine.clone(),
        json!({}),
        with("accessModes", json!([])),
        with("accessModes", json!(["ReadWriteSometimes"])),
        with("accessModes", json!(["ReadWriteOncePod", "ReadWriteOnce"])),
        with("resources", json!({})),
        with("resources", json!({"requests": {"storage": "0"}})),
        with("resources", json!({"requests": {"storage": "-1Gi"}})),
        with("volumeMode", json!("Tape")),
        with("storageClassName", json!("Not A Class")),
        with("volumeAttributesClassName", json!("Not A Class")),
        with("dataSource", json!({"kind": "PersistentVolumeClaim", "name": ""})),
        with("dataSource", json!({"kind": "Other", "name": "x"})),
        with("dataSourceRef", json!({"kind": "Other", "name": "x"})),
        with("selector", json!({"matchExpressions": [{"key": "a", "operator": "Maybe"}]})),
    ]
}

/// The code, and what a refusal says or the spec has, but for what each cluster chooses itself.
fn outcome(code: u16, document: &Value, before: &Value, was_chosen: bool) -> Value {
    if code >= 400 {
        let address = before["spec"]["clusterIP"].as_str().unwrap_or("none");
        let message = document["message"].as_str().unwrap_or_default().replace(address, "the same");
        return json!({"code": code, "message": message});
    }
    let mut spec = document["spec"].clone();
    let fields = spec.as_object_mut().unwrap();
    for field in ["clusterIP", "clusterIPs"] {
        let known = &before["spec"][field];
        if let Some(address) =
            fields.get_mut(field).filter(|address| **address != json!("None") && **address != json!(["None"]))
        {
            *address = if address == known { "the same".into() } else { "another".into() };
        }
    }
    for port in fields.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let (true, Some(number)) = (was_chosen, port.get_mut("nodePort")) {
            *number = "chosen".into();
        }
    }
    json!({"code": code, "spec": spec})
}

async fn rewritten(cluster: &Cluster, before: &Value, after: &Value) -> Value {
    let path = "/api/v1/namespaces/walk/services";
    let uri = format!("{path}/rewritten");
    let service = |spec: &Value| json!({"metadata": {"name": "rewritten"}, "spec": spec});
    let made = cluster.ask("POST", path, service(before)).await;
    if made.code != 201 {
        return outcome(made.code, &made.document, &Value::Null, false);
    }
    let mut new = service(after);
    new["metadata"]["resourceVersion"] = made.document["metadata"]["resourceVersion"].clone();
    let answered = cluster.ask("PUT", &uri, new).await;
    cluster.ask("DELETE", &uri, Value::Null).await;
    let named = after["ports"][0]["nodePort"].is_null() && before["ports"][0]["nodePort"].is_null();
    outcome(answered.code, &answered.document, &made.document, named)
}

async fn claimed(cluster: &Cluster, claim: &Value) -> Value {
    let path = "/apis/apps/v1/namespaces/walk/statefulsets";
    let template =
        json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "p"}]}});
    let set = json!({"metadata": {"name": "claimed"}, "spec": {
        "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }});
    let made = cluster.ask("POST", path, set).await;
    cluster.ask("DELETE", &format!("{path}/claimed"), Value::Null).await;
    json!({"code": made.code, "message": made.message(), "claims": made.document["spec"]["volumeClaimTemplates"][0]["spec"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_written_again_keeps_what_it_keeps_in_kubernetes() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("services").await;
    let mut others = Vec::new();
    for (before, after) in &services() {
        let asked = format!("{before} then {after}");
        let real = recorded.answer(&asked, |real| async move { rewritten(&real, before, after).await }).await;
        let ours = rewritten(&ours, before, after).await;
        if ours != real {
            others.push(format!("{asked}\n  ours {ours}\n  real {real}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_a_stateful_set_are_read_as_kubernetes_reads_them() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("claims").await;
    let mut others = Vec::new();
    for claim in &claims() {
        let asked = claim.to_string();
        let real = recorded.answer(&asked, |real| async move { claimed(&real, claim).await }).await;
        let ours = claimed(&ours, claim).await;
        if ours != real {
            others.push(format!("{asked}\n  ours {ours}\n  real {real}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}
