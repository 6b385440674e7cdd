//! Everything that gives rights, written by a tenant who does not have them: by every verb, and in the name of others.

use anyhow::Result;
use http::{HeaderValue, Request};
use kube::client::Body;
use serde_json::json;

use crate::stage::ask::{Answer, apply, ask, post, send};
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "climbing-by-roles",
    about: "roles, bindings, tokens and impersonation, by every verb there is",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let role = |kind: &str, name: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": everything});
    let binding = |kind: &str, role: (&str, &str)| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "attack-binding"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": "tenant"}]})
    };
    let admin = ("ClusterRole", "cluster-admin");
    let mut gathering = role("ClusterRole", "attack-gathering");
    gathering["rules"] = json!([]);
    gathering["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {}}]});
    let mut gathered = role("ClusterRole", "attack-gathered");
    gathered["metadata"]["labels"] = json!({"rbac.authorization.k8s.io/aggregate-to-admin": "true"});
    for (path, object) in [
        (format!("{RBAC}/namespaces/tenant/roles"), role("Role", "flux")),
        (format!("{RBAC}/namespaces/tenant/roles"), role("Role", "attack-role")),
        (format!("{RBAC}/clusterroles"), role("ClusterRole", "admin")),
        (format!("{RBAC}/clusterroles"), gathering),
        (format!("{RBAC}/clusterroles"), gathered),
        (format!("{RBAC}/namespaces/tenant/rolebindings"), binding("RoleBinding", admin)),
        (format!("{RBAC}/namespaces/tenant/rolebindings"), binding("RoleBinding", ("Role", "absent-as-yet"))),
        (format!("{RBAC}/namespaces/bystander/rolebindings"), binding("RoleBinding", ("ClusterRole", "view"))),
        (format!("{RBAC}/clusterrolebindings"), binding("ClusterRoleBinding", admin)),
    ] {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        refused(&path, &post(&tenant, &path, &object).await?)?;
        let named = format!("{path}/{name}");
        refused(&named, &apply(&tenant, &named, &object).await?)?;
        for (method, kind) in [
            ("PUT", "application/json"),
            ("PATCH", "application/merge-patch+json"),
            ("PATCH", "application/strategic-merge-patch+json"),
        ] {
            refused(&named, &ask(&tenant, method, &named, kind, serde_json::to_vec(&object)?).await?)?;
        }
    }
    for account in ["kube-system/generic-garbage-collector", "flux-system/kustomize-controller", "bystander/bystander"]
    {
        let (namespace, name) = account.split_once('/').unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        refused(&path, &post(&tenant, &path, &request).await?)?;
    }
    impersonate(stage).await
}

/// Asks in the names of others, in any form that a header can have.
async fn impersonate(stage: &Stage) -> Result<()> {
    let people = stage.people();
    let names: [&[u8]; 9] = [
        b"kubernetes-admin",
        b"jan\xe9",
        "jané".as_bytes(),
        b"",
        b" ",
        b"system:admin",
        b"system:serviceaccount:bystander:bystander",
        b"system:anonymous",
        b"a\tb",
    ];
    for client in [&people.tenant, &people.nobody] {
        for (header, value) in ["impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-x"]
            .into_iter()
            .flat_map(|header| names.iter().map(move |name| (header, *name)))
            .chain([("impersonate-group", &b"system:masters"[..]), ("impersonate-extra-%zz", b"x")])
        {
            let request =
                Request::get("/api/v1/namespaces/bystander/secrets").header(header, HeaderValue::from_bytes(value)?);
            let answer = send(client, request.body(Body::empty())?).await?;
            refused(header, &answer)?;
        }
        for token in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06YWRtaW4ifQ."] {
            let request = Request::get("/api/v1/secrets").header("authorization", format!("Bearer {token}"));
            refused("a forged token", &send(&people.nobody, request.body(Body::empty())?).await?)?;
        }
    }
    Ok(())
}

fn refused(what: &str, answer: &Answer) -> Result<()> {
    holds((400..500).contains(&answer.code), (what, answer.code, &answer.document))
}
