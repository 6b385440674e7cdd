//! `cargo xtask test`: every test, beside the real tools.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tools;

/// Installs the tools that are missing, then runs the tests of the whole workspace, or of the packages that are named;
/// `arguments` go to `cargo test`.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let tools = tools::ensure(root)?;
    // The same random cases each time: a change is judged by what it changes. Another number gives others.
    let seed = std::env::var("PROPTEST_RNG_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let names_packages =
        arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    let scope = if names_packages { None } else { Some("--workspace") };
    cargo.current_dir(root).args(["test", "--locked"]).args(scope).args(arguments).envs(tools.environment()?);
    cargo.env("PROPTEST_RNG_SEED", seed).env("COWHERD_RECORDED", "check");
    tools::run(&mut cargo)
}
