//! ClusterRoles that have the rules of others.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, create, eventually, expect};

fn part(name: &str, verb: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["acme.io"], "resources": ["herds"], "verbs": [verb]}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_follows_those_that_it_gathers() {
    let cluster = Cluster::start().await;
    let roles = cluster.api("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", "");
    let verbs = || async {
        let view = roles.get("view").await.unwrap();
        // A role without rules holds no list.
        let rules = view.data["rules"].as_array().cloned().unwrap_or_default();
        let own = rules.iter().filter(|rule| rule["apiGroups"] == json!(["acme.io"]));
        let verbs: Vec<Value> = own.flat_map(|rule| rule["verbs"].as_array().unwrap().clone()).collect();
        Value::from(verbs)
    };
    let started = roles.get("view").await.unwrap().data["rules"].as_array().unwrap().len();
    assert!(started > 5, "{started}");
    create(&roles, part("herds-view", "get")).await;
    eventually("a new role", || async { expect(verbs().await, json!(["get"])) }).await;
    let more = json!({"rules": [{"apiGroups": ["acme.io"], "resources": ["herds"], "verbs": ["list", "watch"]}]});
    roles.patch("herds-view", &PatchParams::default(), &Patch::Merge(more)).await.unwrap();
    eventually("a changed role", || async { expect(verbs().await, json!(["list", "watch"])) }).await;
    // Whoever takes rules away from one that gathers gets them back.
    roles.patch("view", &PatchParams::default(), &Patch::Merge(json!({"rules": []}))).await.unwrap();
    eventually("rules that were taken", || async { expect(verbs().await, json!(["list", "watch"])) }).await;
    // What may be seen may be seen by those who may do more: edit gathers view, and admin gathers edit.
    let gathered_by_admin = || async {
        let rules = roles.get("admin").await.unwrap().data["rules"].as_array().unwrap().clone();
        rules.iter().any(|rule| rule["apiGroups"] == json!(["acme.io"]))
    };
    eventually("a role that gathers those that gather", || async { expect(gathered_by_admin().await, true) }).await;
    let unlabelled = json!({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": null}}});
    roles.patch("herds-view", &PatchParams::default(), &Patch::Merge(unlabelled)).await.unwrap();
    eventually("a role that is no part any more", || async { expect(verbs().await, json!([])) }).await;
    let left = roles.get("view").await.unwrap().data["rules"].as_array().unwrap().len();
    assert_eq!(left, started);
    eventually("a role of roles", || async { expect(gathered_by_admin().await, false) }).await;
}
