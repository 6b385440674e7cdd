//! `cargo xtask compare`: builds `cowherd-compare` and runs it beside the real tools.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::tools;

/// Runs the comparison, a program of its own so that `xtask` needs nothing of what it compares.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let tools = tools::ensure(root)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--release", "--package", "cowherd-compare", "--manifest-path"]);
    cargo.arg(root.join("Cargo.toml")).arg("--").arg("--target").arg(root.join("target/compare"));
    let status = cargo.args(arguments).envs(tools.environment()?).status().context("cannot start cargo")?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}
