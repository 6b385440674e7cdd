//! What every cluster has from the start.

use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    rest::{WriteOptions, create_object, load},
    server::ApiServer,
    status::ApiResult,
};

/// The group of roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";

/// Makes what is missing, as much of it as possible at the same time: the store flushes once for all who wait.
pub async fn run(server: &ApiServer) -> ApiResult<()> {
    let namespaces = ["kube-system", "default", "kube-public", "kube-node-lease"].map(|name| {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        ensure(server, "", "namespaces", namespace)
    });
    try_join_all(namespaces).await?;
    let classes = priority_classes().map(|class| ensure(server, "scheduling.k8s.io", "priorityclasses", class));
    let roles = roles().into_iter().map(|role| ensure(server, RBAC, "clusterroles", role));
    futures::try_join!(
        ensure(server, "", "services", kubernetes_service()),
        ensure(server, RBAC, "clusterrolebindings", admin_binding()),
        try_join_all(classes),
        try_join_all(roles),
    )?;
    Ok(())
}

/// The Service by which Pods find the API.
fn kubernetes_service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    })
}

fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, what: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "description": what,
        })
    };
    [
        class("system-cluster-critical", 2_000_000_000, "For Pods that the cluster needs, on whatever node."),
        class("system-node-critical", 2_000_001_000, "For Pods that their node needs."),
    ]
}

async fn ensure(server: &ApiServer, group: &str, plural: &str, object: Value) -> ApiResult<()> {
    let resource = server.built_in(group, "v1", plural)?;
    let key = resource.key(crate::object::namespace(&object), crate::object::name(&object));
    if load(server, &resource, &key).await?.is_none() {
        create_object(server, &resource, object, &WriteOptions::internal("kube-apiserver")).await?;
    }
    Ok(())
}

/// The roles that manifests expect to be there, from what may do everything to what may only look.
fn roles() -> [Value; 4] {
    let role = |name: &str, rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}, "rules": rules,
        })
    };
    let everything = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let (read, write) = (json!(["get", "list", "watch"]), json!(["*"]));
    let mut admin = namespaced_rules(&write, true);
    if let Value::Array(rules) = &mut admin {
        rules.push(json!({"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": write}));
    }
    [
        role("cluster-admin", everything),
        role("admin", admin),
        role("edit", namespaced_rules(&write, true)),
        role("view", namespaced_rules(&read, false)),
    ]
}

fn admin_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "cluster-admin", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}],
    })
}

/// Everything in a namespace but roles, and but Secrets for those who only look.
fn namespaced_rules(verbs: &Value, secrets: bool) -> Value {
    let mut core = vec![
        "bindings",
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "pods/log",
        "pods/status",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "replicationcontrollers/status",
        "resourcequotas",
        "resourcequotas/status",
        "serviceaccounts",
        "services",
        "services/status",
    ];
    if secrets {
        core.extend(["secrets", "pods/attach", "pods/eviction", "pods/exec", "pods/portforward"]);
    }
    json!([
        {"apiGroups": [""], "resources": core, "verbs": verbs},
        {"apiGroups": [""], "resources": ["namespaces", "namespaces/status"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": [
                "apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
                "networking.k8s.io", "policy",
            ],
            "resources": ["*"], "verbs": verbs,
        },
    ])
}
