//! The few changes that cannot stand beside the others: `cargo mutants` makes them, one build each.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::build::Package;
use super::change::Change;

/// Makes each change alone. Of those that compile it is said whether a test noticed.
pub fn change(
    package: &Package,
    changes: &[Change],
    alone: &BTreeSet<usize>,
    environment: &[(String, OsString)],
) -> Result<Vec<(usize, bool)>> {
    if alone.is_empty() {
        return Ok(Vec::new());
    }
    let output = package.target.join("mutants").join(package.name);
    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    fs::create_dir_all(&output)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(package.tree).args(["mutants", "--in-place", "--baseline=skip", "--timeout=300"]);
    cargo.args(["--colors=never", "--package", package.name]).arg("--output").arg(&output);
    let files: BTreeSet<&str> = alone.iter().map(|id| changes[*id].file.as_str()).collect();
    cargo.args(files.iter().flat_map(|file| ["--file", file]));
    // What is built is what is run: otherwise every test of the package would be built for each change.
    cargo.args(package.targets.iter().map(|target| format!("--cargo-arg={target}")));
    cargo.args(alone.iter().map(|id| format!("--re={}", pattern(&changes[*id].name))));
    cargo.envs(environment.iter().map(|(name, value)| (name, value)));
    cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", &package.target);
    let status = cargo.status().context("cannot run cargo mutants")?;
    // 2: some were missed, 3: some took too long.
    ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo mutants ended with {status}");
    let lines = |file: &str| lines(&output.join("mutants.out").join(file));
    let (noticed, missed) = ([lines("caught.txt")?, lines("timeout.txt")?].concat(), lines("missed.txt")?);
    let outcome = |id: &usize| {
        let name = &changes[*id].name;
        if noticed.contains(name) { Some((*id, true)) } else { missed.contains(name).then_some((*id, false)) }
    };
    Ok(alone.iter().filter_map(outcome).collect())
}

/// The lines of a file that `cargo mutants` wrote; none where it had nothing to write.
fn lines(file: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        text => {
            Ok(text.with_context(|| format!("cannot read {}", file.display()))?.lines().map(str::to_owned).collect())
        }
    }
}

/// A regular expression for one change alone.
fn pattern(line: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '/' | '_') { c } else { '.' };
    format!("^{}$", line.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_one_change() {
        assert_eq!(pattern("a/b_c.rs:1:2: replace + with *"), "^a/b_c.rs.1.2..replace...with..$");
    }
}
