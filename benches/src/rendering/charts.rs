//! Public charts, beside `helm template`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::process::{run, times};
use crate::table::{Table, seconds};

const ROUNDS: usize = 3;

/// Renders every chart below `directory` that helm renders, with both programs.
pub fn measure(program: &Path, directory: &Path, table: &mut Table) -> Result<()> {
    let mut charts = Vec::new();
    find(directory, &mut charts)?;
    let mut ratios = Vec::new();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for chart in &charts {
        let command = |program: &Path, verb: &str| {
            let mut command = Command::new(program);
            command.args([verb, "release-name"]).arg(chart);
            best(command)
        };
        // What helm does not render says nothing of speed.
        let Ok(their_time) = command(Path::new("helm"), "template") else { continue };
        let Ok(our_time) = command(program, "render") else { continue };
        ratios.push(their_time.as_secs_f64() / our_time.as_secs_f64().max(1e-9));
        theirs.push(their_time);
        ours.push(our_time);
    }
    ensure!(!ratios.is_empty(), "no chart below {} can be rendered", directory.display());
    let what = format!("{} public charts, process beside process", ratios.len());
    let middle = ratios.len() / 2;
    for (who, times) in [("`helm template`", &mut theirs), ("`cowherd render`", &mut ours)] {
        times.sort();
        table.add(format!("{what}: {who}, median"), seconds(times[middle]), "measured");
    }
    ratios.sort_by(f64::total_cmp);
    table.add(format!("{what}: faster, median"), format!("{:.0} ×", ratios[middle]), "20 ×");
    table.add(format!("{what}: faster, in all"), times(theirs.iter().sum(), ours.iter().sum()), "measured");
    Ok(())
}

/// The shortest of several runs: what else the machine does only makes them longer.
fn best(mut command: Command) -> Result<std::time::Duration> {
    let mut shortest = run(&mut command)?.time;
    for _ in 1..ROUNDS {
        shortest = shortest.min(run(&mut command)?.time);
    }
    Ok(shortest)
}

/// The charts below `directory`, but not those inside of others.
fn find(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if directory.join("Chart.yaml").is_file() {
        found.push(directory.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.sort();
    for entry in entries.iter().filter(|entry| entry.is_dir()) {
        find(entry, found)?;
    }
    Ok(())
}
