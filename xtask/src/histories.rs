//! `cargo xtask histories`: fresh histories of the agents, beside those that each run of the tests tells.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::tools;

/// Tells this many histories of each kind that were never told before. The first that ends wrong ends it, with its seed.
pub fn run(root: &Path, count: &str) -> Result<()> {
    let count: u64 = count.parse().with_context(|| format!("{count:?} is no number of histories"))?;
    let first = SystemTime::UNIX_EPOCH.elapsed()?.as_nanos().to_string();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["test", "--locked", "--package", "cowherd-gitops", "--lib", "once_it_is_quiet"]);
    tools::run(cargo.env("MODEL_FROM", &first).env("MODEL_HISTORIES", count.to_string()))
}
