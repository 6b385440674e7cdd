//! `cargo xtask attack`: builds the program and attacks it.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::tools;

/// Attacks the release build; `arguments` say with what and for how long.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let tools = tools::ensure(root)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--release", "--package", "cowherd", "--package", "cowherd-attacks"]);
    tools::run(&mut cargo)?;
    let mut attacks = Command::new(root.join("target/release/cowherd-attacks"));
    attacks.arg(root.join("target/release/cowherd")).args(arguments).envs(tools.environment()?);
    let status = attacks.status().context("cannot start the attacks")?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}
