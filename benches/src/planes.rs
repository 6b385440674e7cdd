//! What one more control plane in a process costs.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::table::{Table, mebibytes, seconds};

/// How many control planes there are at a time.
const HERDS: [usize; 4] = [1, 10, 100, 300];

/// Starts herds of control planes, each in a process of its own, each control plane with an API, all controllers, and a
/// Kustomization from a repository.
pub fn measure(table: &mut Table) -> Result<()> {
    for planes in HERDS {
        let program = std::env::current_exe()?.with_file_name("planes");
        let output = Command::new(&program).arg(planes.to_string()).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(output.status.success(), "the control planes ended with {}", output.status);
        let seen: Value = serde_json::from_slice(&output.stdout)?;
        let number = |key: &str| seen[key].as_u64().with_context(|| format!("no {key}"));
        let what = |figure: &str| format!("{planes} control planes in one process: {figure}");
        let time = |key: &str| anyhow::Ok(Duration::from_micros(number(key)?));
        table.add(what("to all of them Ready"), seconds(time("ready")?), "measured");
        let each = u32::try_from(planes)?;
        table.add(what("to all of them Ready, for each"), seconds(time("ready")? / each), "measured");
        table.add(
            what("resident memory for each, when idle"),
            mebibytes(number("resident")? / u64::from(each)),
            "measured",
        );
        let idle = number("busy")? as f64 / (number("idle")? as f64 * 1000.0) * 100.0;
        table.add(what("of one processor, when idle"), format!("{idle:.1} %"), "measured");
        table.add(what("threads"), number("threads")?.to_string(), "measured");
    }
    Ok(())
}
