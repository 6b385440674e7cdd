//! Alerts with the largest patterns that anybody can think of, about everything that fails in a namespace.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{delete, get, post};
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "heavy-patterns",
    about: "Alerts with large patterns about all that fails in their namespace",
    budget: Budget { request: Duration::from_secs(5), ..Budget::USUAL },
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

const NOTIFICATIONS: &str = "/apis/notification.toolkit.fluxcd.io/v1beta3/namespaces/tenant";
const SETS: &str = "/apis/fluxcd.controlplane.io/v1/namespaces/tenant/resourcesets";

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let (alerts, sets) = (stage.pick(30, 100), stage.pick(3, 30));
    let provider = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider", "metadata": {"name": "p"},
        "spec": {"type": "generic", "address": "http://127.0.0.1:1/hook"}});
    post(&tenant, &format!("{NOTIFICATIONS}/providers"), &provider).await?.expect(201)?;
    let patterns: Vec<String> = (0..64).map(|number| format!(r"\pL{{20}}\d{{30}}x{number}")).collect();
    for number in 0..alerts {
        let alert = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": {"name": format!("a{number}")}, "spec": {"providerRef": {"name": "p"}, "inclusionList": patterns,
                "eventSources": [{"kind": "ResourceSet", "name": "*"}]}});
        post(&tenant, &format!("{NOTIFICATIONS}/alerts"), &alert).await?.expect(201)?;
    }
    for number in 0..sets {
        let set = json!({"apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet", "metadata": {"name": format!("s{number}")},
            "spec": {"resourcesTemplate": format!("<< fail \"x{number}\" >>")}});
        post(&tenant, SETS, &set).await?.expect(201)?;
    }
    stage
        .until("an Alert says what is wrong with it", async || {
            let events = get(&tenant, "/api/v1/namespaces/tenant/events").await?.document.to_string();
            Ok(events.contains("KiB when they are compiled"))
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(stage.pick(2, 20))).await;
    for number in 0..sets {
        delete(&tenant, &format!("{SETS}/s{number}")).await?;
    }
    Ok(())
}
