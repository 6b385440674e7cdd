//! Git servers that lie: bytes that are others than git wrote, answers that are cut, that lead elsewhere, that never end.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use cowherd_gitserver::http::Behaviour;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "lying-servers",
    about: "git servers that garble, cut, redirect, and send what never ends",
    budget: Budget::USUAL.with_memory(384),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (repository, url) = stage.repository("liar");
    repository.commit("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: liar, namespace: tenant}\n");
    for round in 0..stage.pick(12, 400) {
        let mut behaviour = Behaviour { old_protocol: stage.random().bool(), ..Behaviour::default() };
        match round % 5 {
            0 | 1 => behaviour.garble = Some(stage.random().usize(..4_000)),
            2 => (behaviour.hang_after, behaviour.cut) = (Some(stage.random().usize(..2_000)), true),
            3 => behaviour.redirect = Some(format!("https://{}", stage.people().address)),
            _ => behaviour.status = Some([401, 403, 404, 429, 500, 503][round / 5 % 6]),
        }
        stage.git.behave(behaviour);
        let name = format!("liar-{round}");
        stage.follow(&name, &url, json!({})).await?;
        let (_, message) = stage.verdict_of_source(&name).await?;
        holds(message.len() < 64 * 1024, message.len())?;
        stage.forget(&name).await?;
    }
    stage.git.behave(Behaviour::default());
    let endless = endless()?;
    for number in 0..stage.pick(4, 40) {
        stage.follow(&format!("endless-{number}"), &format!("http://{endless}/x"), json!({})).await?;
    }
    for number in 0..stage.pick(4, 40) {
        stage.verdict_of_source(&format!("endless-{number}")).await?;
    }
    // Whoever tells the truth is believed.
    let (status, message) = stage.deliver("honest", &url, json!({})).await?;
    holds(status == "True", message)
}

/// A server whose answers have no end: a line of references, packed zeros, headers.
fn endless() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for (number, mut peer) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || {
                let kind = "content-type: application/x-git-upload-pack-advertisement\r\n";
                let reference = format!("003f{} refs/heads/a\n", "a".repeat(40));
                let (head, more) = match number % 4 {
                    0 => (
                        format!("HTTP/1.1 200 OK\r\n{kind}\r\n001e# service=git-upload-pack\n0000"),
                        reference.into_bytes(),
                    ),
                    1 => (format!("HTTP/1.1 200 OK\r\n{kind}content-encoding: gzip\r\n\r\n"), zeros()),
                    2 => ("HTTP/1.1 200 OK\r\n".to_owned(), b"a: b\r\n".to_vec()),
                    _ => (format!("HTTP/1.1 200 OK\r\n{kind}\r\n"), b"fff0".repeat(4_000)),
                };
                let mut sent = peer.write_all(head.as_bytes());
                while sent.is_ok() {
                    sent = peer.write_all(&more);
                }
            });
        }
    });
    Ok(address)
}

/// 16 MiB of zeros, packed.
fn zeros() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let written = packed.write_all(&vec![0; 16 << 20]);
    written.and_then(|()| packed.finish()).unwrap_or_default()
}
