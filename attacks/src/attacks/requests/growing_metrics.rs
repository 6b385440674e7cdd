//! Kustomizations that come and go: nothing that is measured of them stays, and nobody reads it who may not.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{ask, get};
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "growing-metrics",
    about: "owners by the thousand that come and go, and who may read what is measured of them",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let people = stage.people();
    for client in [&people.nobody, &people.tenant] {
        for path in ["/metrics", "/metrics/", "//metrics", "/metrics/slis", "/metrics?x", "/debug/pprof", "/logs"] {
            let answer = get(client, path).await?;
            holds(matches!(answer.code, 403 | 404), (path, answer.code))?;
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = ask(client, method, "/metrics", "application/json", Vec::new()).await?;
            holds(
                answer.code >= 400 && !answer.document.to_string().contains("workqueue_depth"),
                (method, answer.code),
            )?;
        }
    }
    let size = async || anyhow::Ok(get(&people.admin, "/metrics").await?.size);
    let before = size().await?;
    for number in 0..stage.pick(25, 3_000) {
        let name = format!("measured-{number}-{}", "x".repeat(200));
        stage.follow(&name, "http://127.0.0.1:1/absent", json!({"interval": "1h"})).await?;
    }
    for number in 0..stage.pick(25, 3_000) {
        stage.forget(&format!("measured-{number}-{}", "x".repeat(200))).await?;
    }
    stage.until("nothing is said of what is gone", async || Ok(size().await? < before + 20_000)).await
}
