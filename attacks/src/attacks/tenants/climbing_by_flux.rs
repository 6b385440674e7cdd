//! Flux's resources as a ladder: references to what is others', accounts that are others', statuses that are forged.

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::ask::{delete, get, merge};
use crate::stage::{KUSTOMIZATIONS, Limits, REPOSITORIES, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "climbing-by-flux",
    about: "Flux's resources as a ladder: others' namespaces, accounts, Secrets, sources and inventories",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (repository, url) = stage.repository("ladder");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ladder, namespace: tenant}\ndata: {a: '${password:=none}'}\n");
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: attack-ladder}\nroleRef: {apiGroup: \
                   rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: ServiceAccount, name: tenant, \
                   namespace: tenant}]\n";
    repository.commit("binding/a.yaml", binding);
    repository.commit(
        "theirs/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: attack-theirs, namespace: bystander}\n",
    );
    let root = json!({"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"});
    let secret = |reference: Value| json!({"substituteFrom": [reference]});
    let refused = [
        ("target", json!({"targetNamespace": "bystander"})),
        ("target-root", json!({"targetNamespace": "flux-system"})),
        ("binding", json!({"path": "./binding"})),
        ("theirs", json!({"path": "./theirs"})),
        ("source", json!({"sourceRef": root, "path": "./cluster"})),
        ("account", json!({"serviceAccountName": "bystander"})),
        ("account-path", json!({"serviceAccountName": "../bystander/bystander"})),
        ("account-colon", json!({"serviceAccountName": "x:system:masters", "path": "./theirs"})),
        ("kubeconfig", json!({"kubeConfig": {"secretRef": {"name": "mine"}}})),
        ("depends", json!({"dependsOn": [{"name": "flux-system", "namespace": "flux-system"}]})),
        ("substitute", json!({"postBuild": secret(json!({"kind": "Secret", "name": "password"}))})),
        ("substitute-path", json!({"postBuild": secret(json!({"kind": "Secret", "name": "../bystander/password"}))})),
        // The account may not read it, and is not told whether it is there.
        (
            "health",
            json!({"healthChecks": [{"apiVersion": "v1", "kind": "Secret", "name": "password", "namespace": "bystander"}]}),
        ),
        ("path", json!({"path": "../../fleet/cluster"})),
        ("decrypt", json!({"decryption": {"provider": "sops", "secretRef": {"name": "password"}}})),
    ];
    for (name, spec) in &refused {
        stage.follow(name, &url, spec.clone()).await?;
    }
    for (name, _) in &refused {
        let (status, message) = stage.verdict(name).await?;
        holds(status == "False", (name, message))?;
    }
    forge(stage, &url).await
}

/// Statuses and labels that say that what is others' was applied by the tenant.
async fn forge(stage: &Stage, url: &str) -> Result<()> {
    let tenant = stage.people().tenant;
    let (status, message) = stage.deliver("forged", url, json!({})).await?;
    holds(status == "True", message)?;
    let entries = json!([
        {"id": "bystander_password__Secret", "v": "v1"},
        {"id": "bystander_beat__ConfigMap", "v": "v1"},
        {"id": "_bystander__Namespace", "v": "v1"},
        {"id": "_admin_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
    ]);
    let status = json!({"status": {"inventory": {"entries": entries}, "lastAppliedRevision": "main@sha1:0000000000000000000000000000000000000000"}});
    merge(&tenant, &format!("{KUSTOMIZATIONS}/forged/status"), &status).await?.expect(200)?;
    let artifact = json!({"status": {"artifact": {"path": "../../fleet", "url": "file:///etc", "revision": "main@sha1:1", "digest": "sha256:0",
        "lastUpdateTime": "2026-01-01T00:00:00Z"}}});
    merge(&tenant, &format!("{REPOSITORIES}/forged/status"), &artifact).await?;
    // What it claims to have applied is not its to prune.
    let pruning =
        json!({"spec": {"path": "./none"}, "metadata": {"annotations": {"cowherd.dev/prune-protection": "disabled"}}});
    merge(&tenant, &format!("{KUSTOMIZATIONS}/forged"), &pruning).await?.expect(200)?;
    stage.verdict("forged").await?;
    merge(&tenant, &format!("{KUSTOMIZATIONS}/forged/status"), &status).await?.expect(200)?;
    delete(&tenant, &format!("{KUSTOMIZATIONS}/forged")).await?;
    stage.until("it is gone", async || Ok(get(&tenant, &format!("{KUSTOMIZATIONS}/forged")).await?.code == 404)).await
}
