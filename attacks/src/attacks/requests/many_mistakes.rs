//! Objects with more mistakes than anybody wants to hear of.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::stage::ask::post;
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "many-mistakes",
    about: "a Pod with 60,000 wrong ports, objects with 200,000 unknown fields or labels",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let ports = vec![json!({"containerPort": 0}); stage.pick(20_000, 60_000)];
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "x", "ports": ports}]},
    });
    let many = |value: Value| {
        (0..stage.pick(40_000, 200_000)).map(|number| (format!("f {number}"), value.clone())).collect::<Map<_, _>>()
    };
    let mut unknown = config_map("unknown", "");
    unknown.as_object_mut().into_iter().for_each(|map| map.extend(many(json!(1))));
    let mut labels = config_map("labels", "");
    labels["metadata"]["labels"] = many(json!("-")).into();
    let mut keys = config_map("keys", "");
    keys["data"] = many(json!("")).into();
    let mut owners = config_map("owners", "");
    owners["metadata"]["ownerReferences"] = json!(vec![json!({"kind": "X"}); stage.pick(20_000, 50_000)]);
    let mut finalizers = config_map("finalizers", "");
    finalizers["metadata"]["finalizers"] = json!(vec!["no name"; stage.pick(30_000, 100_000)]);
    for (path, object, code) in [
        ("/api/v1/namespaces/tenant/pods", pod, 422),
        (CONFIG_MAPS, unknown, 201),
        (CONFIG_MAPS, labels, 422),
        (CONFIG_MAPS, keys, 422),
        (CONFIG_MAPS, owners, 422),
        (CONFIG_MAPS, finalizers, 422),
    ] {
        let answer = post(&tenant, path, &object).await?;
        answer.expect(code)?;
        holds(answer.warnings < 16 * 1024, answer.warnings)?;
        holds(code == 201 || answer.size < 256 * 1024, answer.size)?;
    }
    Ok(())
}
