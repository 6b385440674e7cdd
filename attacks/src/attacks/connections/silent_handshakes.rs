//! More connections than there are descriptors, of peers that say nothing or half of a handshake.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "silent-handshakes",
    about: "connections that say nothing, or half of a handshake, more than there are descriptors",
    budget: Budget::USUAL,
    limits: Limits { descriptors: Some(400), ..Limits::NONE },
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let address = stage.people().address;
    let mut peers = Vec::new();
    let until = Instant::now() + Duration::from_secs(stage.pick(2, 20));
    while Instant::now() < until {
        while peers.len() < stage.pick(800, 5_000) {
            let Ok(mut peer) = TcpStream::connect(&address).await else { break };
            if peers.len() % 3 == 0 {
                // The beginning of a handshake of 512 bytes.
                let _ = peer.write_all(&[0x16, 3, 1, 2, 0, 1]).await;
            }
            peers.push(peer);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        // Those who were ended come again.
        peers.retain(|peer| matches!(peer.try_read(&mut [0; 16]), Err(error) if error.kind() == ErrorKind::WouldBlock));
    }
    Ok(())
}
