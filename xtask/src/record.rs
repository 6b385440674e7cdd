//! `cargo xtask record`: what the real tools say, for tests where they are not installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::tools;

/// The crates whose tests can do with recorded answers.
const CRATES: [&str; 3] = ["helm", "render", "review"];

/// Runs the tests of these crates beside the real tools, and writes what those say into `tests/recorded/`.
pub fn run(root: &Path) -> Result<()> {
    let tools = tools::ensure(root)?;
    for name in CRATES {
        let directory = root.join("crates").join(name).join("tests/recorded");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).args(["test", "--locked", "--tests", "--package", &format!("cowherd-{name}")]);
        tools::run(cargo.envs(tools.environment()?).env("COWHERD_RECORDED", "write").env("PROPTEST_RNG_SEED", "1"))?;
        for file in files(&directory)? {
            put_in_order(&file).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
}

/// Sorts the answers by what was asked, each of them once, so that two recordings can be compared.
fn put_in_order(file: &Path) -> Result<()> {
    let mut answers = BTreeMap::new();
    for line in fs::read_to_string(file)?.lines() {
        let answer: Value = serde_json::from_str(line)?;
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(before) = answers.insert((text("command"), text("key")), line.to_owned())
            && before != line
        {
            bail!("it is not always the same: {before}\n{line}");
        }
    }
    let lines: Vec<String> = answers.into_values().collect();
    Ok(fs::write(file, lines.join("\n") + "\n")?)
}
