//! Small changes of large objects, many at a time: each needs all of its object, before and after.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::json;

use crate::stage::ask::{ask, delete, post};
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "words-to-large-objects",
    about: "a label for each of many Pods of 10,000 ports at the same time, and all of them deleted at once",
    budget: Budget::USUAL.with_memory(512),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

const PODS: &str = "/api/v1/namespaces/tenant/pods";

async fn play(stage: &Stage) -> Result<()> {
    let tenant = &stage.people().tenant;
    let ports: Vec<_> = (1..stage.pick(4_000, 10_000)).map(|port| json!({"containerPort": port})).collect();
    let count = stage.pick(10, 40);
    for number in 0..count {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{number}")},
            "spec": {"containers": [{"name": "c", "image": "x", "ports": ports}]},
        });
        post(tenant, PODS, &pod).await?.expect(201)?;
    }
    for round in 0..stage.pick(2, 3) {
        let label = serde_json::to_vec(&json!({"metadata": {"labels": {"round": round.to_string()}}}))?;
        let kinds = ["application/merge-patch+json", "application/strategic-merge-patch+json"];
        let asked = (0..count).map(|number| {
            let kind = kinds[number % kinds.len()];
            let (path, label) = (format!("{PODS}/p{number}"), label.clone());
            async move { ask(tenant, "PATCH", &path, kind, label).await }
        });
        for answer in try_join_all(asked).await? {
            holds(answer.code == 200 || answer.code == 429, (answer.code, answer.message()))?;
        }
    }
    let answer = delete(tenant, PODS).await?;
    holds(answer.code == 200 && answer.size < 8 << 20, (answer.code, answer.size))?;
    stage
        .until("the Pods are gone", async || {
            let left = crate::stage::ask::get(tenant, &format!("{PODS}?limit=1")).await?;
            Ok(left.document["items"].as_array().is_some_and(Vec::is_empty))
        })
        .await
}
