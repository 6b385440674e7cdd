//! Measures the built program: how fast it starts, how much memory it takes, what definitions cost, how fast directories become manifests, how
//! fast a commit becomes a running system, how fast drift is put right.
//!
//! Run it with `cargo xtask bench`, which builds the program first and keeps the tables in `docs/benchmarks.md`.

mod apps;
mod convergence;
mod definitions;
mod drift;
mod program;
mod rendering;
mod repository;
mod start;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};

use table::Table;

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { program, apps, charts, only } = Arguments::read()?;
    let mut table = Table::new();
    if only.as_deref() == Some("definitions") {
        definitions::measure(&program, &mut table).await?;
        print!("{table}");
        return Ok(());
    }
    start::measure(&program, &mut table).await?;
    definitions::measure(&program, &mut table).await?;
    rendering::measure(&program, charts.as_deref(), &mut table)?;
    if apps > 0 {
        convergence::measure(&program, &mut table)?;
        apps::measure(&program, apps, &mut table).await?;
    }
    print!("{table}");
    Ok(())
}

/// What is measured.
struct Arguments {
    program: PathBuf,
    /// How many apps a cluster has; with none, only start and rendering are measured.
    apps: usize,
    /// A directory of public charts.
    charts: Option<PathBuf>,
    /// The one part that is measured, instead of all.
    only: Option<String>,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut words = std::env::args().skip(1);
        let program = words
            .next()
            .context("usage: cowherd-benches PROGRAM [--charts DIRECTORY] [--only definitions] [APPS]")?
            .into();
        let mut arguments = Self { program, apps: 1000, charts: None, only: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--charts" => arguments.charts = Some(words.next().context("--charts needs a directory")?.into()),
                "--only" => arguments.only = Some(words.next().context("--only needs a part: definitions")?),
                number => arguments.apps = number.parse().with_context(|| format!("{number:?} is no number"))?,
            }
        }
        Ok(arguments)
    }
}
