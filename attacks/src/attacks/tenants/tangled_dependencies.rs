//! Kustomizations that depend on each other as densely as can be, and wait.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::ask::{delete, get, post};
use crate::stage::{KUSTOMIZATIONS, Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "tangled-dependencies",
    about: "hundreds of Kustomizations, each of which depends on all that come after it",
    budget: Budget { commit: Duration::from_secs(8), ..Budget::USUAL },
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (tenant, count) = (stage.people().tenant, stage.pick(150, 300));
    let (repository, url) = stage.repository("tangle");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tangle, namespace: tenant}\n");
    stage.follow("last", &url, json!({"path": "./none"})).await?;
    for number in 0..count {
        let behind = (number + 1..count).map(|other| json!({"name": format!("tangle-{other}")}));
        let depends_on: Vec<Value> = behind.chain([json!({"name": "last"})]).collect();
        let kustomization = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": format!("tangle-{number}")},
            "spec": {"interval": "1h", "prune": true, "path": "./app", "dependsOn": depends_on,
                "sourceRef": {"kind": "GitRepository", "name": "last"}}});
        post(&tenant, KUSTOMIZATIONS, &kustomization).await?.expect(201)?;
    }
    stage
        .until("the first says what it waits for", async || {
            let found = get(&tenant, &format!("{KUSTOMIZATIONS}/tangle-0")).await?.document;
            Ok(found["status"]["conditions"].to_string().contains("is not ready"))
        })
        .await?;
    for number in 0..count {
        delete(&tenant, &format!("{KUSTOMIZATIONS}/tangle-{number}")).await?;
    }
    stage.forget("last").await
}
