//! Public charts, beside `helm template`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Request, Selection};
use cowherd_tree::{DiskTree, TreePath};

use super::process::{run, times};
use crate::table::{Table, percentile, seconds};

const ROUNDS: usize = 3;

/// The shortest times that a chart took.
struct Times {
    helm: Duration,
    /// `cowherd render`, from the start of the process to its end.
    process: Duration,
    /// From files on disk to the text of all manifests, in a process that runs already.
    within: Duration,
}

/// A way of ours to render a chart: what it is called, what is aimed for, and how long it took.
type Way = (&'static str, &'static str, fn(&Times) -> Duration);

/// Renders every chart below `directory` that helm renders, with both programs and in process.
pub fn measure(program: &Path, directory: &Path, table: &mut Table) -> Result<()> {
    let mut charts = Vec::new();
    find(directory, &mut charts)?;
    // What helm does not render says nothing of speed.
    let all: Vec<Times> = charts.iter().filter_map(|chart| times_of(program, chart).ok()).collect();
    ensure!(!all.is_empty(), "no chart below {} can be rendered", directory.display());
    let what = format!("{} public charts", all.len());
    let helm = median(all.iter().map(|times| times.helm));
    table.add(format!("{what}: `helm template`, median"), seconds(helm), "measured");
    let ways: [Way; 2] = [
        ("in process", "20 ×", |times| times.within),
        ("`cowherd render`, process beside process", "measured", |times| times.process),
    ];
    for (how, target, ours) in ways {
        let mut ratios: Vec<f64> =
            all.iter().map(|times| times.helm.as_secs_f64() / ours(times).as_secs_f64().max(1e-9)).collect();
        ratios.sort_by(f64::total_cmp);
        table.add(format!("{what}: {how}, median"), fine(median(all.iter().map(ours))), "measured");
        table.add(format!("{what}: {how}: faster, median"), format!("{:.0} ×", ratios[ratios.len() / 2]), target);
        let (theirs, ours) = (all.iter().map(|times| times.helm).sum(), all.iter().map(ours).sum());
        table.add(format!("{what}: {how}: faster, in all"), times(theirs, ours), "measured");
    }
    Ok(())
}

fn times_of(program: &Path, chart: &Path) -> Result<Times> {
    let process = |program: &Path, verb: &str| {
        shortest(|| Ok(run(Command::new(program).args([verb, "release-name"]).arg(chart))?.time))
    };
    Ok(Times {
        helm: process(Path::new("helm"), "template")?,
        process: process(program, "render")?,
        within: shortest(|| in_process(chart))?,
    })
}

/// From files to the text of all manifests.
fn in_process(chart: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let mut engine = GoTemplates::new(jiff::Timestamp::now(), b"a seed");
    let output = cowherd_helm::template(&DiskTree::new(chart), &TreePath::root(), &Request::default(), &mut engine)?;
    let text = output.text(&Selection::default())?;
    let time = begin.elapsed();
    ensure!(!text.is_empty(), "{} renders to nothing", chart.display());
    Ok(time)
}

/// The shortest of several runs: what else the machine does only makes them longer.
fn shortest(mut run: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let first = run()?;
    (1..ROUNDS).try_fold(first, |shortest, _| Ok(shortest.min(run()?)))
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    percentile(&mut times.collect::<Vec<_>>(), 50)
}

/// A time of a few milliseconds.
fn fine(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
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
