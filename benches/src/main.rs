//! Measures the built program: how fast it starts, how much memory it takes, how fast a commit becomes a running
//! system, how fast drift is put right.
//!
//! Run it with `cargo xtask bench`, which builds the program first and keeps the tables in `docs/benchmarks.md`.

mod apps;
mod drift;
mod program;
mod repository;
mod start;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};

use table::Table;

#[tokio::main]
async fn main() -> Result<()> {
    let program: PathBuf = std::env::args().nth(1).context("usage: cowherd-benches PROGRAM [APPS]")?.into();
    let apps: usize = std::env::args().nth(2).map_or(Ok(1000), |number| number.parse())?;
    let mut table = Table::new();
    start::measure(&program, &mut table).await?;
    apps::measure(&program, apps, &mut table).await?;
    print!("{table}");
    Ok(())
}
