//! What people may, and what is theirs: nobody's rights grow by an attack.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kube::Client;
use serde_json::{Value, json};

use crate::stage::ask::{get, post};
use crate::stage::{KUSTOMIZATIONS, REPOSITORIES, SECRET, Stage};

/// What neither the tenant nor nobody may, each in a namespace or in all.
const FORBIDDEN: [(&str, &str, &str, &str); 10] = [
    ("get", "", "secrets", "bystander"),
    ("list", "", "secrets", ""),
    ("create", "", "pods", "bystander"),
    ("patch", "", "configmaps", "bystander"),
    ("create", "", "namespaces", ""),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", ""),
    ("escalate", "rbac.authorization.k8s.io", "roles", "tenant"),
    ("impersonate", "", "users", ""),
    ("create", "kustomize.toolkit.fluxcd.io", "kustomizations", "flux-system"),
    ("*", "*", "*", ""),
];

/// What of others must be after an attack as it was before: roles, bindings, accounts, secrets, definitions' names.
const GUARDED: [&str; 9] = [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/bystander/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/flux-system/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings",
    "/api/v1/namespaces/bystander/secrets",
    "/api/v1/namespaces/bystander/serviceaccounts",
    "/api/v1/namespaces/flux-system/serviceaccounts",
    "/api/v1/namespaces",
];

/// What a tenant reads.
const READABLE: [&str; 6] = [
    "/api/v1/namespaces/tenant/configmaps",
    "/api/v1/namespaces/tenant/secrets",
    "/api/v1/namespaces/tenant/events",
    "/apis/events.k8s.io/v1/namespaces/tenant/events",
    KUSTOMIZATIONS,
    REPOSITORIES,
];

/// What is somebody's, by path and name: the uid and what it says.
pub type Possessions = BTreeMap<String, Value>;

/// What everybody but the tenant has.
pub async fn possessions(stage: &Stage) -> Result<Possessions> {
    let admin = stage.people().admin;
    let mut all = Possessions::new();
    for path in GUARDED {
        let list = get(&admin, path).await?;
        list.expect(200)?;
        for item in list.document["items"].as_array().context("no items")? {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            if name.starts_with("attack-") {
                continue;
            }
            let said = ["rules", "subjects", "roleRef", "data"].map(|field| item[field].clone());
            let deleted = &item["metadata"]["deletionTimestamp"];
            all.insert(format!("{path}/{name}"), json!([item["metadata"]["uid"], deleted, said]));
        }
    }
    Ok(all)
}

/// What somebody may who may not.
pub async fn climbed(stage: &Stage) -> Result<Vec<String>> {
    let people = stage.people();
    let mut findings = Vec::new();
    for (who, client) in [("the tenant", &people.tenant), ("nobody", &people.nobody)] {
        for (verb, group, resource, namespace) in FORBIDDEN {
            if may(client, verb, group, resource, namespace).await? {
                findings.push(format!("{who} may {verb} {resource}.{group} in namespace {namespace:?}"));
            }
        }
    }
    Ok(findings)
}

/// Where a tenant reads what is others': their secrets, and files of this machine.
pub async fn told(stage: &Stage) -> Result<Vec<String>> {
    let tenant = stage.people().tenant;
    let encoded = BASE64_STANDARD.encode(SECRET);
    let marks = [SECRET, &encoded, "root:x:0:0", "cm9vdDp4OjA6MDpyb290"];
    let mut findings = Vec::new();
    for path in READABLE {
        let text = get(&tenant, path).await?.document.to_string();
        findings.extend(marks.iter().filter(|mark| text.contains(**mark)).map(|mark| format!("{path} tells {mark}")));
    }
    Ok(findings)
}

async fn may(client: &Client, verb: &str, group: &str, resource: &str, namespace: &str) -> Result<bool> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "namespace": namespace}},
    });
    let answer = post(client, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
    Ok(answer.document["status"]["allowed"] == json!(true))
}
