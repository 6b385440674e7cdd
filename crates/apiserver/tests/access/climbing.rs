//! Attempts to get more rights than one has.

use serde_json::{Value, json};

use crate::cluster::{Asked, Cluster, Recorded, binding, role};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/walk/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/walk/rolebindings";
const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const CLUSTER_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// One attempt: who, how, where, what.
struct Attempt {
    user: &'static str,
    method: &'static str,
    path: String,
    kind: &'static str,
    body: Value,
}

fn attempts() -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut add = |user, method, path: &str, kind: &'static str, body: Value| {
        attempts.push(Attempt { user, method, path: path.to_owned(), kind, body });
    };
    const JSON: &str = "application/json";
    const MERGE: &str = "application/merge-patch+json";
    let rules = |verbs: &[&str], group: &str, resources: &[&str], names: &[&str]| json!([{"apiGroups": [group], "resources": resources, "verbs": verbs, "resourceNames": names}]);
    let everything = || rules(&["*"], "*", &["*"], &[]);
    let pods = || rules(&["get", "list"], "", &["pods", "pods/log", "services/log"], &[]);
    let more = || rules(&["get", "delete"], "", &["pods", "secrets", "pods/exec"], &[]);
    for user in ["admin", "edit", "view", "writer", "escalator", "star", "stranger"] {
        add(user, "POST", ROLES, JSON, role("Role", "made", everything()));
        add(user, "POST", ROLES, JSON, role("Role", "made", pods()));
        add(user, "POST", ROLES, JSON, role("Role", "made", more()));
        let reader = format!("{ROLES}/reader");
        add(user, "PUT", &reader, JSON, role("Role", "reader", everything()));
        add(user, "PATCH", &reader, MERGE, json!({"rules": more()}));
        add(user, "PATCH", &reader, STRATEGIC, json!({"rules": more()}));
        let first = &more()[0];
        add(user, "PATCH", &reader, JSON_PATCH, json!([{"op": "add", "path": "/rules/0", "value": first}]));
        let force = format!("{reader}?force=true&fieldManager=me");
        add(user, "PATCH", &force, APPLY, role("Role", "reader", more()));
        let new = format!("{ROLES}/made?fieldManager=me");
        add(user, "PATCH", &new, APPLY, role("Role", "made", more()));
        add(user, "PATCH", &reader, MERGE, json!({"metadata": {"labels": {"a": "b"}}}));
        add(user, "PATCH", &format!("{ROLES}/big"), MERGE, json!({"metadata": {"labels": {"a": "b"}}}));
        add(user, "PATCH", &format!("{ROLES}/big"), MERGE, json!({"metadata": {"finalizers": ["a.b/c"]}}));
        add(user, "DELETE", &format!("{ROLES}/big"), JSON, Value::Null);
    }
    for user in ["admin", "edit", "writer", "binder", "star"] {
        for (kind, name) in [
            ("ClusterRole", "cluster-admin"),
            ("ClusterRole", "view"),
            ("ClusterRole", "absent"),
            ("ClusterRole", "unknown"),
            ("Role", "big"),
            ("Role", "reader"),
            ("Role", "unknown"),
        ] {
            add(user, "POST", BINDINGS, JSON, binding("RoleBinding", "made", (kind, name), user));
        }
        let other = || json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "me"}]});
        add(user, "PATCH", &format!("{BINDINGS}/nobody-bound-big"), MERGE, other());
        add(user, "PATCH", &format!("{BINDINGS}/writer-reader"), MERGE, other());
        let roleless = json!({"metadata": {"annotations": {"a": "b"}}});
        add(user, "PATCH", &format!("{BINDINGS}/nobody-bound-big"), MERGE, roleless);
        let owned = json!({"metadata": {"finalizers": ["a.b/c"]}});
        add(user, "PATCH", &format!("{BINDINGS}/nobody-bound-big"), MERGE, owned);
        let applied = binding("RoleBinding", "applied", ("Role", "big"), user);
        add(user, "PATCH", &format!("{BINDINGS}/applied?fieldManager=me"), APPLY, applied);
    }
    let turned = json!({"roleRef": {"name": "reader"}});
    for user in ["root", "admin", "edit", "writer", "binder"] {
        add(user, "PATCH", &format!("{BINDINGS}/nobody-bound-big"), MERGE, turned.clone());
        let raised = json!({"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}});
        add(user, "PATCH", &format!("{BINDINGS}/writer-reader"), MERGE, raised);
        add(user, "POST", BINDINGS, JSON, binding("RoleBinding", "not/a/name", ("ClusterRole", "view"), user));
        add(user, "POST", BINDINGS, JSON, binding("RoleBinding", "not/a/name", ("ClusterRole", "cluster-admin"), user));
        add(
            user,
            "POST",
            ROLES,
            JSON,
            json!({"metadata": {"name": "made"}, "rules": [{"verbs": [], "resources": ["pods"]}]}),
        );
    }
    let paths = |urls: &[&str], verbs: &[&str]| json!([{"nonResourceURLs": urls, "verbs": verbs}]);
    for user in ["clusterwriter", "root", "admin"] {
        add(user, "POST", CLUSTER_ROLES, JSON, role("ClusterRole", "walk-made", everything()));
        add(
            user,
            "POST",
            CLUSTER_ROLES,
            JSON,
            role("ClusterRole", "walk-made", paths(&["/metrics", "/debug/x"], &["get"])),
        );
        add(
            user,
            "POST",
            CLUSTER_ROLES,
            JSON,
            role("ClusterRole", "walk-made", paths(&["/logs", "/debug/*"], &["get", "post"])),
        );
        add(user, "POST", CLUSTER_ROLES, JSON, role("ClusterRole", "walk-made", json!([])));
        let gathering = |selector: Value| {
            let mut role = role("ClusterRole", "walk-made", json!([]));
            role["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
            role
        };
        add(user, "POST", CLUSTER_ROLES, JSON, gathering(json!({"matchLabels": {"a": "b"}})));
        let taken = json!({"aggregationRule": null});
        add(user, "PATCH", &format!("{CLUSTER_ROLES}/walk-gathering"), MERGE, taken);
        let labelled = json!({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}});
        add(user, "PATCH", &format!("{CLUSTER_ROLES}/walk-paths"), MERGE, labelled.clone());
        add(user, "PATCH", &format!("{CLUSTER_ROLES}/cluster-admin"), MERGE, labelled);
        for name in ["cluster-admin", "view", "walk-paths", "unknown"] {
            let binding = binding("ClusterRoleBinding", "walk-made", ("ClusterRole", name), user);
            add(user, "POST", CLUSTER_BINDINGS, JSON, binding);
        }
    }
    for user in ["admin", "edit", "view", "writer"] {
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        add(user, "POST", "/api/v1/namespaces/walk/serviceaccounts/maker/token", JSON, body);
    }
    attempts
}

impl Attempt {
    fn shown(&self) -> String {
        format!("{}: {} {} {} {}", self.user, self.method, self.path, self.kind, self.body)
    }

    /// Makes the attempt without an effect.
    async fn on(&self, cluster: &Cluster) -> Value {
        let dry = if self.path.contains('?') { "&dryRun=All" } else { "?dryRun=All" };
        let path = format!("{}{dry}", self.path);
        let headers = vec![("impersonate-user", self.user.as_bytes()), ("content-type", self.kind.as_bytes())];
        let asked = Asked { method: self.method, path: &path, headers, body: self.body.clone() };
        let answered = asked.of(&cluster.admin).await;
        // Which values are wrong is not the point here, and said in words of each server's own.
        let message = if answered.code == 422 { "" } else { answered.message() };
        json!({"code": answered.code, "message": message})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_away_what_kubernetes_would_not_let_them() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("escalation").await;
    let mut others = Vec::new();
    for attempt in attempts() {
        let asked = attempt.shown();
        let mine = attempt.on(&ours).await;
        let attempt = &attempt;
        let real = recorded.answer(&asked, |real| async move { attempt.on(&real).await }).await;
        if mine != real {
            others.push(format!("{asked}\n  ours {mine}\n  real {real}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}
