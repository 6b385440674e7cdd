//! Packs whose objects are made of each other: chains as deep as git makes them, and few bytes that copy themselves until
//! they are many.

use std::io::Write;

use anyhow::Result;
use cowherd_gitserver::Repository;
use cowherd_gitserver::pack::{Pack, copies, feed};
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "deltas",
    about: "packs with chains of deltas as deep as git makes them, and deltas that copy kilobytes to a gigabyte",
    budget: Budget::USUAL.with_memory(640),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (chain, chain_url) = stage.repository("chain");
    chained(&chain, stage.pick(300, 4_000))?;
    let (bomb, bomb_url) = stage.repository("copies-of-copies");
    copied(&bomb, stage.pick(4, 64));
    stage.follow("chain", &chain_url, json!({})).await?;
    stage.follow("copies-of-copies", &bomb_url, json!({})).await?;
    let (status, message) = stage.verdict("chain").await?;
    holds(status == "True", ("chain", message))?;
    let (status, message) = stage.verdict("copies-of-copies").await?;
    holds(status == "False" && message.len() < 64 * 1024, ("copies-of-copies", message))
}

/// A file of which each revision is a delta of the one before.
fn chained(repository: &Repository, length: usize) -> Result<()> {
    let comments: String = (0..200).map(|line| format!("# {line}: {:x}\n", line * 7_919_usize)).collect();
    let mut stream = Vec::new();
    for revision in 0..length {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chain, namespace: tenant}\n";
        let content = format!("{comments}{map}data: {{revision: '{revision}'}}\n");
        write!(
            stream,
            "commit refs/heads/main\ncommitter a <a@example.org> {} +0000\ndata 1\nx\nM 100644 inline \
             app/a.yaml\ndata {}\n{content}\n",
            1_700_000_000 + revision,
            content.len(),
        )?;
    }
    feed(repository, &["fast-import", "--quiet", "--depth=4095", "--force"], &stream);
    repository.git(&["-c", "pack.depth=4095", "repack", "-q", "-a", "-d", "-f", "--depth=4095", "--window=2"]);
    Ok(())
}

/// A file of as many MiB sixteen times over, of which the pack holds a few kilobytes.
fn copied(repository: &Repository, times: usize) {
    const BASE: usize = 64 * 1024;
    const MIDDLE: usize = BASE * 255;
    let mut pack = Pack::default();
    let at = pack.whole(&vec![b'#'; BASE]);
    let middle = pack.delta(at, &copies(BASE, BASE, 255, b""));
    pack.delta(middle, &copies(MIDDLE, MIDDLE, times, b""));
    pack.commit_to(repository, "app");
}
