//! Watches and lists whose selectors are as long as a request may be, which are kept and compared for as long as they last.

use anyhow::Result;
use tokio::io::AsyncWriteExt;

use crate::peers::connect;
use crate::stage::{CONFIG_MAPS, Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "long-selectors",
    about: "watches and lists whose selectors name tens of thousands of labels",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    stage.fill(stage.pick(50, 2_000), 10).await?;
    let token = stage.people().token;
    let mut peers = Vec::new();
    for number in 0..stage.pick(400, 3_000) {
        let selector = match number % 3 {
            0 => "!a,".repeat(20_000) + "!b",
            1 => format!("a+notin+({})", vec!["b"; 30_000].join(",")),
            _ => "metadata.name!=a,".repeat(3_600) + "metadata.name!=b",
        };
        let kind = if number % 3 == 2 { "fieldSelector" } else { "labelSelector" };
        let mut peer = connect(stage, "http/1.1").await?;
        let head = format!("HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        // It may be ended while it says all of this.
        let _ = peer.write_all(format!("GET {CONFIG_MAPS}?watch=true&{kind}={selector} {head}").as_bytes()).await;
        peers.push(peer);
    }
    // What changes is compared with all of them.
    for round in 0..stage.pick(2, 20) {
        stage.fill(stage.pick(50, 500), 20 + round).await?;
    }
    Ok(())
}
