//! A line for each Kustomization: on a terminal it moves, elsewhere each change is a line of its own.

use std::collections::HashMap;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::failures::Failures;
use super::region::Region;
use super::text::{paragraph, plain, stderr_columns};
use super::waits::{Group, Waits};
use super::{Mark, can_move, stamp};

/// How far the further lines of a message are indented.
const INDENT: usize = 4;
/// How often the lines that move are drawn at most.
const TICK: Duration = Duration::from_millis(80);
/// How long it is waited for more that wait for the same, before that is said.
const TOGETHER: Duration = Duration::from_millis(300);

/// How a Kustomization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Something is being done, or waited for.
    Working,
    /// Everything is as it should be.
    Ready,
    /// It waits for another one, which is there.
    Waiting,
    /// Something failed; it is tried again.
    Failed,
    /// Left alone on request.
    Suspended,
}

/// What is said of a Kustomization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is.
    pub phase: Phase,
    /// What is happening, or why it failed, on a line that moves; of one that waits: for whom.
    pub brief: String,
    /// The same on a line that stays, where it should be said; a log says what was done, by name, and why.
    pub full: Option<String>,
    /// Of a failure: the revision that it is of.
    pub failed_at: Option<String>,
}

/// What is kept of a line: enough to see that another one is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    phase: Phase,
    brief: u64,
    full: Option<u64>,
}

impl Known {
    fn of(line: &Line) -> Self {
        Self { phase: line.phase, brief: digest(&line.brief), full: line.full.as_deref().map(digest) }
    }
}

pub(super) fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The lines.
pub struct Board {
    lines: HashMap<String, Known>,
    /// What was last said of those of which something is settled.
    said: HashMap<String, (Phase, u64)>,
    /// What was said of those that fail.
    failures: HashMap<String, Failures>,
    waits: Waits,
    /// Since when it is to be said that some wait.
    waits_since: Option<Instant>,
    region: Option<Region>,
    drawn_at: Instant,
}

impl Board {
    /// A board without lines, on standard error.
    pub fn new() -> Self {
        Self {
            lines: HashMap::new(),
            said: HashMap::new(),
            failures: HashMap::new(),
            waits: Waits::default(),
            waits_since: None,
            region: can_move().then(Region::default),
            drawn_at: Instant::now(),
        }
    }

    /// Shows how a Kustomization is now.
    pub fn update(&mut self, name: &str, line: Line) {
        let known = Known::of(&line);
        let before = self.lines.insert(name.to_owned(), known);
        if before == Some(known) {
            return;
        }
        self.waits.note(name, Some(line.brief.as_str()).filter(|_| line.phase == Phase::Waiting));
        let is_told = self.failures.get(name).is_some_and(|failures| failures.is_told(&line.brief));
        let news = self.news(name, &line);
        match &mut self.region {
            Some(region) => {
                // Of what the agents told nothing of the status follows, which says the same.
                let is_of_status = line.phase == Phase::Failed && line.failed_at.is_none() && !is_told;
                region.note(name, &line, news.or_else(|| is_of_status.then(|| line.brief.clone())));
            }
            None => self.print(name, line, before, news),
        }
    }

    /// Completes when something is to be drawn, or to be said of those that wait.
    pub async fn due(&self) {
        match (&self.region, self.waits_since) {
            (Some(_), _) => sleep_until(self.drawn_at + TICK).await,
            (None, Some(since)) => sleep_until(since + TOGETHER).await,
            (None, None) if self.waits.has_news() => {}
            (None, None) => pending().await,
        }
    }

    /// Draws the lines that move, or says who waits.
    pub fn draw(&mut self) {
        self.drawn_at = Instant::now();
        if let Some(region) = &mut self.region {
            return region.draw(&self.waits);
        }
        match self.waits_since {
            None => self.waits_since = Some(Instant::now()),
            Some(_) => {
                self.waits_since = None;
                for group in self.waits.news() {
                    print(Mark::Waiting, "", &group.to_string());
                }
            }
        }
    }

    /// Those that wait, by what they wait for.
    pub fn waiting(&self) -> Vec<Group> {
        self.waits.groups()
    }

    /// What of a failure was not said before, with what it is a failure of; nothing where it was, or is none.
    fn news(&mut self, name: &str, line: &Line) -> Option<String> {
        if matches!(line.phase, Phase::Ready | Phase::Waiting | Phase::Suspended) {
            self.failures.remove(name);
        }
        // Lines that stay are only for what the agents told; on a terminal that moves all of it is seen.
        let revision = line.failed_at.as_deref()?;
        let news = self.failures.entry(name.to_owned()).or_default().news(revision, &line.brief);
        if news.is_empty() {
            return None;
        }
        let known = line.brief.lines().filter(|line| !line.trim().is_empty()).count() - news.len();
        let known = if known > 0 { format!("\n({known} more as before)") } else { String::new() };
        let occasion = line.full.as_ref().and_then(|full| full.strip_prefix(line.brief.as_str())).unwrap_or_default();
        Some(format!("{}{known}{occasion}", news.join("\n")))
    }

    /// Takes a Kustomization off the board.
    pub fn remove(&mut self, name: &str) {
        self.lines.remove(name);
        self.said.remove(name);
        self.failures.remove(name);
        self.waits.note(name, None);
        if let Some(region) = &mut self.region {
            region.forget(name);
        }
    }

    /// Says that a Kustomization is gone. Where lines move, it is seen.
    pub fn say_deleted(&self, name: &str) {
        if self.region.is_none() {
            print(Mark::Success, &format!("{name}: "), "deleted");
        }
    }

    /// Says something above the lines that move.
    pub fn say(&mut self, mark: Mark, text: &str) {
        match &mut self.region {
            Some(region) => region.say(mark, "", text),
            None => print(mark, "", text),
        }
    }

    /// Ends the movement, for somebody else to tell what is not well; changes from now on are printed.
    pub fn finish(&mut self) {
        self.waits.news();
        self.waits_since = None;
        if let Some(mut region) = self.region.take() {
            region.end();
            let settled = self.lines.iter().filter(|(_, line)| line.phase != Phase::Working);
            let said = settled.filter_map(|(name, line)| Some((name.clone(), (line.phase, line.full?))));
            self.said = said.collect();
        }
    }

    /// Prints what is new. How something ended is said once, whatever is done in between.
    fn print(&mut self, name: &str, line: Line, before: Option<Known>, news: Option<String>) {
        let Some(full) = line.full else { return };
        let said = (line.phase, digest(&full));
        let is_settled = line.phase != Phase::Working;
        if line.failed_at.is_some() {
            if let Some(news) = news {
                print(mark(line.phase), &format!("{name}: "), &news);
            }
            self.said.insert(name.to_owned(), said);
            return;
        }
        let was_said = match self.said.get(name).filter(|_| is_settled) {
            Some(before) => *before == said,
            None => before.is_some_and(|before| (before.phase, before.full) == (said.0, Some(said.1))),
        };
        if was_said {
            return;
        }
        print(mark(line.phase), &format!("{name}: "), &full);
        if is_settled {
            self.said.insert(name.to_owned(), said);
        }
    }
}

/// Prints a line that stays: when, how, what.
pub(super) fn print(mark: Mark, head: &str, text: &str) {
    for line in paragraph(&format!("{} {mark} {}", stamp(), plain(head)), &plain(text), INDENT, stderr_columns()) {
        // Where nobody takes what is said, work goes on.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// The sign of a phase.
pub(super) fn mark(phase: Phase) -> Mark {
    match phase {
        Phase::Working | Phase::Waiting => Mark::Waiting,
        Phase::Ready | Phase::Suspended => Mark::Success,
        Phase::Failed => Mark::Failure,
    }
}
