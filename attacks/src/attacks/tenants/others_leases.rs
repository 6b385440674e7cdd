//! Leases by which agents lead, labels by which they share their work, and certificates: what decides who acts, asked for by
//! a tenant.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{delete, get, merge, post};
use crate::stage::{CONFIG_MAPS, KUSTOMIZATIONS, Limits, REPOSITORIES, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "others-leases",
    about: "leases of the agents, labels of shards and certificates of masters, asked for by a tenant",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// The label by which several agents share their work.
const SHARD: &str = "sharding.fluxcd.io/key";

async fn play(stage: &Stage) -> Result<()> {
    leases(stage).await?;
    certificates(stage).await?;
    shards(stage).await
}

/// Takes, gives away and deletes what agents and nodes lead by.
async fn leases(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let spec =
        json!({"holderIdentity": "tenant", "leaseDurationSeconds": 86_400, "renewTime": "2036-01-01T00:00:00.000000Z"});
    for namespace in ["flux-system", "kube-system", "kube-node-lease", "bystander", "default"] {
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        for name in ["cowherd-agent", "kustomize-controller", "kube-controller-manager", "bystander"] {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec,
            });
            let path = format!("{leases}/{name}");
            let answers = [
                post(&tenant, &leases, &lease).await?,
                merge(&tenant, &path, &json!({"spec": spec})).await?,
                delete(&tenant, &path).await?,
                get(&tenant, &leases).await?,
            ];
            for answer in answers {
                answer.expect(403)?;
            }
        }
    }
    // Those of its own namespace are its own, and lead nobody.
    let own = "/apis/coordination.k8s.io/v1/namespaces/tenant/leases";
    for number in 0..stage.pick(20, 500) {
        let lease = json!({"metadata": {"name": format!("cowherd-agent-{number}")}, "spec": spec});
        let code = post(&tenant, own, &lease).await?.code;
        holds(matches!(code, 201 | 403), code)?;
    }
    Ok(())
}

/// Asks for certificates in the names of those who may do everything.
async fn certificates(stage: &Stage) -> Result<()> {
    let signers = ["kubernetes.io/kube-apiserver-client", "kubernetes.io/kubelet-serving", "tenant.example.org/any"];
    let tenant = stage.people().tenant;
    for signer in signers {
        let request = json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "masters"},
            "spec": {
                "signerName": signer, "username": "admin", "groups": ["system:masters"], "request": "LS0tLS1CRUdJTg==",
                "usages": ["client auth", "digital signature"],
            },
        });
        for path in [
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            "/apis/certificates.k8s.io/v1beta1/certificatesigningrequests",
        ] {
            let code = post(&tenant, path, &request).await?.code;
            holds(matches!(code, 403 | 404), (path, code))?;
        }
        let approval = "/apis/certificates.k8s.io/v1/certificatesigningrequests/masters/approval";
        let code = merge(&tenant, approval, &json!({"status": {"conditions": [{"type": "Approved"}]}})).await?.code;
        holds(matches!(code, 403 | 404), code)?;
    }
    for (namespace, account) in
        [("flux-system", "kustomize-controller"), ("kube-system", "namespace-controller"), ("bystander", "bystander")]
    {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        post(&tenant, &path, &request).await?.expect(403)?;
    }
    Ok(())
}

/// Moves its own objects from shard to shard, while they are delivered.
async fn shards(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let (repository, url) = stage.repository("sharded");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sharded, namespace: tenant}\n");
    stage.follow("sharded", &url, json!({})).await?;
    for round in 0..stage.pick(20, 1_000) {
        let labels = json!({"metadata": {"labels": {SHARD: format!("shard-{}", round % 7)}}});
        for path in [KUSTOMIZATIONS, REPOSITORIES] {
            merge(&tenant, &format!("{path}/sharded"), &labels).await?.expect(200)?;
        }
    }
    let (status, message) = stage.verdict("sharded").await?;
    holds(status == "True", message)?;
    get(&tenant, &format!("{CONFIG_MAPS}/sharded")).await?.expect(200)?;
    stage.forget("sharded").await
}
