//! Receivers with filters that cost as much as they may, for as many references as there may be, called at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use serde_json::{Value, json};

use super::webhook;
use crate::stage::ask::post;
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "costly-filters",
    about: "webhooks whose filters cost what they may, for more references than there may be",
    budget: Budget { request: Duration::from_secs(6), ..Budget::USUAL },
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let of_bystander = webhook::of_bystander(stage).await?;
    let reference = json!({"kind": "ResourceSet", "name": "*", "matchLabels": {"attack": "filters"}});
    let many = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver", "metadata": {"name": "many"},
        "spec": {"type": "generic", "secretRef": {"name": "none"}, "resourceFilter": filter(),
            "resources": vec![reference.clone(); 5_000]}});
    post(&tenant, webhook::RECEIVERS, &many).await?.expect(201)?;
    let (status, message) = stage.judged(&format!("{}/many", webhook::RECEIVERS)).await?;
    holds(status == "False" && message.contains("has 5000 references"), message)?;

    let set = json!({"apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet",
        "metadata": {"name": "costly", "labels": {"attack": "filters"}}, "spec": {"resources": []}});
    post(&tenant, "/apis/fluxcd.controlplane.io/v1/namespaces/tenant/resourcesets", &set).await?.expect(201)?;
    let spec = json!({"resourceFilter": filter(), "resources": vec![reference; 256]});
    let path = webhook::receiver(stage, &tenant, "tenant", "costly", spec).await?;
    let (address, is_over) = (webhook::address(stage)?, AtomicBool::new(false));
    let attacking = async {
        let calls = (0..stage.pick(48, 2_000)).map(|_| webhook::call(&address, &path));
        let codes: Vec<_> = futures::stream::iter(calls).buffer_unordered(16).collect().await;
        is_over.store(true, Ordering::Relaxed);
        codes
    };
    let (codes, went) = tokio::join!(attacking, webhook::go_on(&address, &of_bystander, &is_over));
    went?;
    // Those that had a place were looked at, and cost more than they may.
    let looked_at = codes.iter().flatten().filter(|code| **code == 500).count();
    holds(looked_at > 0, &codes)
}

/// An expression of a hundred lists within each other, as far as anybody looks.
fn filter() -> Value {
    let list = format!("[{}]", (0..99).map(|number| number.to_string()).collect::<Vec<_>>().join(","));
    json!(format!("{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a+b+c+d >= 0))))"))
}
