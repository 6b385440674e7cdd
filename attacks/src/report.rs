//! What came of an attack.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::bystander::{self, Experience};
use crate::rights::{self, Possessions};
use crate::stage::{SECRET, Stage};
use crate::{Attack, Budget, settled};

/// How many findings of a kind are told.
const TOLD: usize = 5;

/// What came of an attack.
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// MiB before, at the worst moment, and after.
    pub memory: [u64; 3],
    /// How many requests a bystander made, and the slowest.
    pub requests: (usize, Duration),
    /// How many commits, and the slowest.
    pub commits: (usize, Duration),
    /// What the program did not keep of what it promises.
    pub findings: Vec<String>,
}

/// Plays an attack beside a bystander, and looks what came of it.
pub fn of(runtime: &Runtime, stage: &Stage, attack: &Attack) -> Result<Report> {
    let possessions = runtime.block_on(rights::possessions(stage))?;
    let (before, _) = runtime.block_on(settled::wait(&stage.program, u64::MAX))?;
    stage.program.forget_peak()?;
    let began = Instant::now();
    let (outcome, experience) = beside_a_bystander(runtime, stage, attack)?;
    let took = began.elapsed();
    let mut report = Report::new(attack, took, before, &experience);
    report.findings.extend(outcome.err().map(|error| format!("{error:#}")));
    report.findings.extend(shortened(experience.complaints));
    if let Some(status) = stage.program.ended()? {
        let said = stage.program.said()?;
        let last: Vec<&str> = said.lines().rev().take(TOLD).collect();
        report.findings.push(format!("the program ended with {status}, and said last: {last:?}"));
        return Ok(report);
    }
    runtime.block_on(report.add_memory(stage, attack.budget))?;
    runtime.block_on(report.add_truths(stage, &possessions))?;
    Ok(report)
}

/// Plays it while a bystander, on a thread of its own, goes on as usual.
fn beside_a_bystander(runtime: &Runtime, stage: &Stage, attack: &Attack) -> Result<(Result<()>, Experience)> {
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let bystander = scope.spawn(|| own.block_on(bystander::live(stage, attack.budget, &stopped)));
        let outcome = runtime.block_on((attack.play)(stage));
        stopped.store(true, Ordering::Relaxed);
        let experience = bystander.join().map_err(|_| anyhow::anyhow!("the bystander panicked"))?;
        Ok((outcome, experience))
    })
}

/// Whether a line of the log tells of a panic; but of one of the reader of Git's protocol, which is caught where it is called.
fn panics(line: &str) -> bool {
    line.contains("panicked") && !line.contains("/gix-protocol-")
}

/// The first of many.
fn shortened(mut texts: Vec<String>) -> Vec<String> {
    let more = texts.len().saturating_sub(TOLD);
    texts.truncate(TOLD);
    texts.extend((more > 0).then(|| format!("and {more} more of the kind")));
    texts
}

impl Report {
    fn new(attack: &Attack, took: Duration, before: u64, experience: &Experience) -> Self {
        let slowest = |times: &[Duration]| (times.len(), times.iter().max().copied().unwrap_or_default());
        let (requests, commits) = (slowest(&experience.requests), slowest(&experience.commits));
        Self { name: attack.name, took, memory: [before, before, before], requests, commits, findings: Vec::new() }
    }

    async fn add_memory(&mut self, stage: &Stage, budget: Budget) -> Result<()> {
        let [before, peak, after] = &mut self.memory;
        *peak = stage.program.peak()?;
        let (resident, quiet) = settled::wait(&stage.program, *before + budget.kept).await?;
        *after = resident;
        let (took, keeps) = (peak.saturating_sub(*before), resident.saturating_sub(*before));
        if took > budget.memory {
            self.findings.push(format!("it took {took} MiB, of {} that it may", budget.memory));
        }
        if keeps > budget.kept {
            self.findings.push(format!("it keeps {keeps} MiB, of {} that it may", budget.kept));
        }
        if !quiet {
            self.findings.push("it goes on working when nobody asks for anything".to_owned());
        }
        Ok(())
    }

    /// Everybody has what they had and may what they might, and nothing was told that must not be.
    async fn add_truths(&mut self, stage: &Stage, before: &Possessions) -> Result<()> {
        let now = rights::possessions(stage).await?;
        let changed = before.iter().filter(|(name, what)| now.get(*name) != Some(what));
        self.findings.extend(shortened(changed.map(|(name, _)| format!("{name} is not what it was")).collect()));
        let added = now.keys().filter(|name| !before.contains_key(*name));
        self.findings.extend(shortened(added.map(|name| format!("{name} was not there before")).collect()));
        self.findings.extend(rights::climbed(stage).await?);
        let said = stage.program.said()?;
        self.findings.extend(said.lines().find(|line| panics(line)).map(ToOwned::to_owned));
        if said.contains(SECRET) {
            self.findings.push("a secret was logged".to_owned());
        }
        self.findings.extend(rights::told(stage).await?);
        Ok(())
    }

    /// Whether the program kept what it promises.
    pub fn held(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, took, memory: [before, peak, after], requests, commits, .. } = self;
        let mark = if self.held() { "held" } else { "BROKE" };
        write!(
            f,
            "{mark:5} {name:28} {:5.1} s  {before} MiB, {peak} at most, {after} after;  {} requests, {} ms at most;  {} \
             commits, {} ms at most",
            took.as_secs_f64(),
            requests.0,
            requests.1.as_millis(),
            commits.0,
            commits.1.as_millis()
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n        {finding}"))
    }
}
