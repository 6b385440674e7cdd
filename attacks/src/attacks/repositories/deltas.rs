//! Packs whose objects are made of each other: chains as deep as git makes them, and few bytes that copy themselves until
//! they are many.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use cowherd_gitserver::Repository;
use flate2::Compression;
use flate2::write::ZlibEncoder;
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
    copied(&bomb, stage.pick(4, 64))?;
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
    run(repository, &["fast-import", "--quiet", "--depth=4095", "--force"], &stream)?;
    let depth = "--depth=4095";
    run(repository, &["-c", "pack.depth=4095", "repack", "-q", "-a", "-d", "-f", depth, "--window=2"], &[])
}

/// A file of as many MiB sixteen times over, of which the pack holds a few kilobytes.
fn copied(repository: &Repository, times: usize) -> Result<()> {
    const BASE: usize = 64 * 1024;
    const MIDDLE: usize = BASE * 255;
    let base = vec![b'#'; BASE];
    let large = MIDDLE * times;
    let mut pack = Pack::default();
    let at = pack.whole(&base)?;
    let middle = pack.delta(at, &delta(BASE, MIDDLE, BASE, 255))?;
    pack.delta(middle, &delta(MIDDLE, large, MIDDLE, times))?;
    run(repository, &["index-pack", "--stdin"], &pack.finish())?;
    // What git makes of the pack has a name that it tells.
    let mut digest = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(format!("blob {large}\0").as_bytes());
    (0..large / BASE).for_each(|_| digest.update(&base));
    let blob: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},app/a.yaml")]);
    let tree = repository.git(&["write-tree"]);
    let commit = repository.git(&["commit-tree", &tree, "-m", "copies"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    Ok(())
}

/// A pack in the writing.
#[derive(Default)]
struct Pack {
    objects: u32,
    bytes: Vec<u8>,
}

/// What stands before the objects of a pack.
const HEAD: usize = 12;

impl Pack {
    /// A blob; where it lies.
    fn whole(&mut self, content: &[u8]) -> Result<usize> {
        self.object(3, content, None)
    }

    /// An object made of that which lies there.
    fn delta(&mut self, base: usize, delta: &[u8]) -> Result<usize> {
        self.object(6, delta, Some(base))
    }

    fn object(&mut self, kind: u8, content: &[u8], base: Option<usize>) -> Result<usize> {
        let at = HEAD + self.bytes.len();
        let (mut size, first) = (content.len() >> 4, kind << 4 | (content.len() & 15) as u8);
        self.bytes.push(if size > 0 { first | 0x80 } else { first });
        while size > 0 {
            self.bytes.push((size & 0x7f) as u8 | if size > 0x7f { 0x80 } else { 0 });
            size >>= 7;
        }
        if let Some(base) = base {
            let mut distance = at - base;
            let mut bytes = vec![(distance & 0x7f) as u8];
            while distance > 0x7f {
                distance = (distance >> 7) - 1;
                bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
            }
            self.bytes.extend(bytes);
        }
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        packer.write_all(content)?;
        self.bytes.extend(packer.finish()?);
        self.objects += 1;
        Ok(at)
    }

    fn finish(self) -> Vec<u8> {
        let mut pack = [&b"PACK"[..], &2_u32.to_be_bytes(), &self.objects.to_be_bytes(), &self.bytes].concat();
        let sum = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pack);
        pack.extend(sum.as_ref());
        pack
    }
}

/// A delta that copies the first `length` bytes so many times.
fn delta(base: usize, made: usize, length: usize, times: usize) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [base, made] {
        while size > 0x7f {
            delta.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    for _ in 0..times {
        // From the beginning; three bytes of length.
        let [low, middle, high, ..] = length.to_le_bytes();
        delta.extend([0xf0, low, middle, high]);
    }
    delta
}

fn run(repository: &Repository, arguments: &[&str], input: &[u8]) -> Result<()> {
    let mut command: Command = cowherd_gitserver::repository::git(&repository.path);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no input")?.write_all(input)?;
    let status = child.wait()?;
    ensure!(status.success(), "git {arguments:?} ended with {status}");
    Ok(())
}
