//! How the time of `cowherd up --once` grows with the number of Kustomizations.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::table::{Table, seconds};

/// How many Kustomizations there are.
const COUNTS: [usize; 4] = [500, 1_000, 2_000, 4_000];

/// Converges repositories of more and more Kustomizations, each with a ConfigMap and a Service.
pub fn measure(program: &Path, table: &mut Table) -> Result<()> {
    for count in COUNTS {
        let target = if count == 1_000 { "under 3 s" } else { "grows with the number" };
        let what = format!("`cowherd up --once`, new, {count} Kustomizations of a ConfigMap and a Service each");
        table.add(what, seconds(converge(program, count)?), target);
    }
    Ok(())
}

fn converge(program: &Path, count: usize) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let repository = Repository::new(directory.path().join("repository"))?;
    repository.add_small_apps(count)?;
    repository.commit("[bench] add the apps")?;
    let begin = Instant::now();
    let status = Command::new(program)
        .args(["up", repository.path.to_str().context("the path is not UTF-8")?, "--path", "cluster"])
        .args(["--once", "--timeout", "10m", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let elapsed = begin.elapsed();
    if !status.success() {
        bail!("{count} Kustomizations did not converge: {status}");
    }
    Ok(elapsed)
}
