//! A Kustomization with more expressions of health than anybody can think of, each of them within its own limits.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::delete;
use crate::stage::{KUSTOMIZATIONS, Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "many-expressions",
    about: "hundreds of expressions of CEL with patterns in one Kustomization",
    budget: Budget { request: Duration::from_secs(5), commit: Duration::from_secs(5), ..Budget::USUAL },
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (repository, url) = stage.repository("plain");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: tenant}\n");
    let patterns = |number: usize| format!("data.a.matches('a{{20}}{number}')");
    let current = (0..18).map(patterns).collect::<Vec<_>>().join(" && ");
    let checks: Vec<_> = (0..stage.pick(800, 1_600))
        .map(|number| json!({"apiVersion": "v1", "kind": format!("K{number}"), "current": current}))
        .collect();
    let (status, message) = stage.deliver("checks", &url, json!({"healthCheckExprs": checks})).await?;
    holds(status == "False" && message.contains("healthCheckExprs[") && message.contains("costs too much"), message)?;
    let ready = (0..18).map(|number| format!("dep.metadata.name.matches('a{{20}}{number}')")).collect::<Vec<_>>();
    let dependencies: Vec<_> = (0..stage.pick(400, 800))
        .map(|number| json!({"name": format!("d{number}"), "readyExpr": ready.join(" && ")}))
        .collect();
    stage.follow("dependencies", &url, json!({"dependsOn": dependencies})).await?;
    let (status, message) = stage.judged(&format!("{KUSTOMIZATIONS}/dependencies")).await?;
    holds(status == "False" && message.contains("readyExpr") && message.contains("costs too much"), message)?;
    let tenant = stage.people().tenant;
    for name in ["checks", "dependencies"] {
        delete(&tenant, &format!("{KUSTOMIZATIONS}/{name}")).await?;
    }
    Ok(())
}
