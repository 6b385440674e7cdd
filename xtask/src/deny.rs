//! `cargo xtask deny`: what `deny.toml` says of dependencies, asked of cargo-deny.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::tools;

/// What can be seen without a network. An exception that nothing needs any more is a failure, too.
const OFFLINE: [&str; 7] = ["-D", "unmatched-skip", "-D", "unnecessary-skip", "bans", "licenses", "sources"];

/// Runs the checks that are named. Without any, all of them; then advisories are left out, with a word about it, where the
/// database cannot be had.
pub fn run(root: &Path, checks: &[String]) -> Result<()> {
    let program = tools::cargo_deny(root)?;
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(root).args(["--workspace", "--locked"]);
        command
    };
    if !checks.is_empty() {
        return tools::run(deny().arg("check").args(checks));
    }
    tools::run(deny().arg("check").args(OFFLINE))?;
    // A database that cannot be fetched and an advisory that is there end with the same status.
    let fetched = deny().args(["fetch", "db"]).stderr(Stdio::piped()).output().context("cannot start cargo-deny")?;
    if fetched.status.success() {
        return tools::run(deny().args(["--offline", "check", "advisories"]));
    }
    let said = String::from_utf8_lossy(&fetched.stderr);
    eprintln!("{}", said.trim_end());
    eprintln!(
        "warning: advisories were NOT checked, since their database, a git repository at GitHub, cannot be fetched here; \
         run `cargo xtask deny advisories` where it can"
    );
    Ok(())
}
