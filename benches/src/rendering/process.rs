//! A process, how long it takes and how much memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub time: Duration,
    /// The most memory that was resident, in KiB.
    pub memory: u64,
}

/// Runs a command to its end, whose output nobody reads.
pub fn run(command: &mut Command) -> Result<Cost> {
    let begin = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let ended = loop {
        // The high water mark only rises: the last one that can be read counts.
        memory = memory.max(high_water(&status).unwrap_or_default());
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    let time = begin.elapsed();
    if !ended.success() {
        bail!("{command:?} ended with {ended}");
    }
    Ok(Cost { time, memory })
}

fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The cost in the middle of several runs.
pub fn median(rounds: usize, mut command: impl FnMut() -> Command) -> Result<Cost> {
    let mut costs = (0..rounds).map(|_| run(&mut command())).collect::<Result<Vec<_>>>()?;
    costs.sort_by_key(|cost| cost.time);
    let time = costs.get(rounds / 2).context("no round")?.time;
    costs.sort_by_key(|cost| cost.memory);
    let memory = costs.get(rounds / 2).context("no round")?.memory;
    Ok(Cost { time, memory })
}

/// How many times longer one takes than the other.
pub fn times(theirs: Duration, ours: Duration) -> String {
    format!("{:.0} ×", theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9))
}
