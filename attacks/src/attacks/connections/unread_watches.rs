//! Watches and lists of 20 MB that nobody reads.

use anyhow::Result;
use tokio::io::AsyncWriteExt;

use crate::peers::connect;
use crate::stage::{CONFIG_MAPS, Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "unread-watches",
    about: "watches and lists of 20 MB that nobody reads",
    budget: Budget::USUAL.with_memory(320),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    stage.fill(20, stage.pick(200_000, 1_000_000)).await?;
    let token = stage.people().token;
    let mut peers = Vec::new();
    for number in 0..stage.pick(60, 200) {
        let query = if number % 3 == 0 { "" } else { "?watch=true" };
        let mut peer = connect(stage, "http/1.1").await?;
        let request = format!("GET {CONFIG_MAPS}{query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        // Several at once: whoever does not read the first answer asks for more all the same.
        peer.write_all(request.repeat(4).as_bytes()).await?;
        peers.push(peer);
    }
    // What changes goes to all of them.
    for round in 0..stage.pick(2, 50) {
        stage.fill(20, stage.pick(180_000, 900_000) + round).await?;
    }
    Ok(())
}
