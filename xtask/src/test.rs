//! `cargo xtask test`: every test, beside the real tools.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::tools;

/// The variable from which the random cases of all property tests follow.
const SEED: &str = "PROPTEST_RNG_SEED";

/// All that has tests. The benchmarks have none, and are large; that they compile is seen by clippy.
const EVERYTHING: [&str; 3] = ["--workspace", "--exclude", "cowherd-benches"];

/// Installs the tools that are missing, then runs the tests of the whole workspace, or of the packages that are named;
/// `arguments` go to `cargo test`. Random cases are others each time, unless a seed is given.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let tools = tools::ensure(root)?;
    let seed = std::env::var(SEED).unwrap_or_else(|_| fresh());
    eprintln!("random cases follow from {SEED}={seed}");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let names_packages =
        arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    let scope: &[&str] = if names_packages { &[] } else { &EVERYTHING };
    cargo.current_dir(root).args(["test", "--locked"]).args(scope).args(arguments).envs(tools.environment()?);
    cargo.env(SEED, &seed).env("COWHERD_RECORDED", "check");
    tools::run(&mut cargo).with_context(|| {
        let arguments: String = arguments.iter().map(|argument| format!(" {argument}")).collect();
        format!("the same random cases again: {SEED}={seed} cargo xtask test{arguments}")
    })
}

fn fresh() -> String {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos()).to_string()
}
