//! Writes of a tenant whose bodies do not come: more than may be under way at a time.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::peers::connect;
use crate::stage::{CONFIG_MAPS, Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "slow-bodies",
    about: "writes of a tenant whose bodies do not come, more than may be under way",
    budget: Budget { request: Duration::from_secs(6), ..Budget::USUAL },
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let token = stage.people().token;
    let head = format!(
        "POST {CONFIG_MAPS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 1000000\r\n\r\n{{"
    );
    let connecting = (0..stage.pick(300, 1_000)).map(async |_| {
        let mut peer = connect(stage, "http/1.1").await?;
        peer.write_all(head.as_bytes()).await?;
        anyhow::Ok(peer)
    });
    let peers: Vec<_> = futures::stream::iter(connecting).buffer_unordered(50).collect().await;
    tokio::time::sleep(Duration::from_secs(stage.pick(7, 90))).await;
    drop(peers);
    Ok(())
}
