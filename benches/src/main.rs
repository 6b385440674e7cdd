//! Measures the built program: how fast it starts, how much memory it takes, what many control planes in one process,
//! lists, watches and definitions cost, how fast directories become manifests, how fast a commit becomes a running system, how fast drift is put right.
//!
//! Run it with `cargo xtask bench`, which builds the program first and keeps the tables in `docs/benchmarks.md`.

mod apps;
mod convergence;
mod definitions;
mod drift;
mod lists;
mod mttp;
mod planes;
mod program;
mod rendering;
mod repository;
mod start;
mod table;
mod watches;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use table::Table;

const USAGE: &str =
    "usage: cowherd-benches PROGRAM [--charts DIRECTORY] [--peer KUBECONFIG] [--flux DIRECTORY] [--only PART] [APPS]";
/// What can be measured alone.
const PARTS: [&str; 9] =
    ["start", "planes", "lists", "watches", "definitions", "rendering", "convergence", "mttp", "apps"];

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { program, apps, charts, peer, flux, only } = Arguments::read()?;
    let mut table = Table::new();
    for part in PARTS.into_iter().filter(|part| only.as_ref().is_none_or(|only| only == part)) {
        match part {
            "start" => start::measure(&program, &mut table).await?,
            "planes" => planes::measure(&mut table)?,
            "lists" => lists::measure(&program, peer.as_deref(), &mut table).await?,
            "watches" => watches::measure(&program, &mut table).await?,
            "definitions" => definitions::measure(&program, &mut table).await?,
            "rendering" => rendering::measure(&program, charts.as_deref(), &mut table)?,
            "mttp" => mttp::measure(&program, peer.as_deref(), flux.as_deref(), &mut table).await?,
            "convergence" if apps > 0 => convergence::measure(&program, &mut table).await?,
            _ if apps > 0 => apps::measure(&program, apps, &mut table).await?,
            _ => {}
        }
    }
    print!("{table}");
    Ok(())
}

/// What is measured.
struct Arguments {
    program: PathBuf,
    /// How many apps a cluster has; with none, nothing is converged.
    apps: usize,
    /// A directory of public charts.
    charts: Option<PathBuf>,
    /// The admin's kubeconfig of a real kube-apiserver, to be measured beside.
    peer: Option<PathBuf>,
    /// Where Flux's own controllers lie, to be measured beside on the same kube-apiserver.
    flux: Option<PathBuf>,
    /// The one part that is measured, instead of all.
    only: Option<String>,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut words = std::env::args().skip(1);
        let program = words.next().context(USAGE)?.into();
        let mut arguments = Self { program, apps: 1000, charts: None, peer: None, flux: None, only: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--charts" => arguments.charts = Some(words.next().context("--charts needs a directory")?.into()),
                "--peer" => arguments.peer = Some(words.next().context("--peer needs a kubeconfig")?.into()),
                "--flux" => arguments.flux = Some(words.next().context("--flux needs a directory")?.into()),
                "--only" => arguments.only = words.next(),
                number => arguments.apps = number.parse().with_context(|| format!("{number:?} is no number"))?,
            }
        }
        if arguments.only.as_ref().is_some_and(|only| !PARTS.contains(&only.as_str())) {
            bail!("--only needs a part: {}", PARTS.join(", "));
        }
        Ok(arguments)
    }
}
