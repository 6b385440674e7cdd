//! Hundreds of repositories of a server that never answers, or answers byte by byte.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "silent-servers",
    about: "hundreds of repositories and bases of servers that never answer, or drip",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let silent = cowherd_gitserver::http::silent();
    let dripping = drip()?;
    let count = stage.pick(60, 600);
    for number in 0..count {
        let server = if number % 4 == 0 { dripping } else { silent };
        stage.follow(&format!("silent-{number}"), &format!("http://{server}/x"), json!({"timeout": "600s"})).await?;
    }
    // A commit comes through meanwhile: the bystander sees to that. So does one of the tenant's own.
    let (repository, url) = stage.repository("own");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: tenant}\n");
    stage.follow("own", &url, json!({})).await?;
    let (status, message) = stage.verdict("own").await?;
    holds(status == "True", message)?;
    for number in 0..count {
        stage.forget(&format!("silent-{number}")).await?;
    }
    let descriptors = stage.program.descriptors()?;
    stage.until("their connections are closed", async || Ok(stage.program.descriptors()? < 128)).await?;
    holds(descriptors < 1_000, descriptors)
}

/// A server that sends a byte of an answer now and then.
fn drip() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\n\r\n";
                for byte in head.iter().chain(std::iter::repeat(&b'0')) {
                    if peer.write_all(&[*byte]).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
        }
    });
    Ok(address)
}
