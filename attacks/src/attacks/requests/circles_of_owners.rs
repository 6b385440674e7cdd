//! Objects that own themselves and each other, which nobody could ever delete first.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{delete, get, merge, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "circles-of-owners",
    about: "objects that own themselves and each other, deleted in the foreground",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let count = stage.pick(60, 2_000);
    let mut uids = Vec::new();
    for number in 0..count {
        let answer = post(&tenant, CONFIG_MAPS, &config_map(&format!("circle-{number}"), "")).await?;
        uids.push(answer.expect(201)?.document["metadata"]["uid"].clone());
    }
    // A third own themselves, the others each other in rings of three and in one that holds all of them.
    for number in 0..count {
        let owners = match number % 3 {
            0 => vec![number],
            _ => vec![(number + 1) % count, number / 3 * 3 + (number + 1) % 3],
        };
        let references: Vec<_> = owners
            .into_iter()
            .filter_map(|owner| Some((owner, uids.get(owner)?)))
            .map(|(owner, uid)| {
                json!({"apiVersion": "v1", "kind": "ConfigMap", "name": format!("circle-{owner}"),
                "uid": uid, "blockOwnerDeletion": true})
            })
            .collect();
        let change = json!({"metadata": {"ownerReferences": references}});
        merge(&tenant, &format!("{CONFIG_MAPS}/circle-{number}"), &change).await?;
    }
    for number in 0..count {
        delete(&tenant, &format!("{CONFIG_MAPS}/circle-{number}?propagationPolicy=Foreground")).await?;
    }
    stage
        .until("all of them are gone", async || {
            let list = get(&tenant, CONFIG_MAPS).await?;
            let items = list.document["items"].as_array().cloned().unwrap_or_default();
            Ok(items.iter().all(|item| !item["metadata"]["name"].as_str().unwrap_or_default().starts_with("circle-")))
        })
        .await
}
