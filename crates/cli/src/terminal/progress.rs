//! A line for each Kustomization: on a terminal it moves, elsewhere each change is a line of its own.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::failures::Failures;
use super::tally::Tally;
use super::text::{paragraph, plain, stderr_columns};
use super::{Mark, stamp};

/// How many Kustomizations have a line of their own; the others share one.
const LINES: usize = 16;
/// How many lines a message has among those that move; a failure that is longer is told above them.
const LONGEST: usize = 5;
/// What is shown before a message: the mark and a space.
const LEAD: usize = 2;
/// How far the further lines of a message are indented.
const INDENT: usize = 4;
const TICK: Duration = Duration::from_millis(80);

/// How a Kustomization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Something is being done, or waited for.
    Working,
    /// Everything is as it should be.
    Ready,
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
    /// What is happening, or why it failed, on a line that moves.
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
    screen: Option<Screen>,
}

#[derive(Default)]
struct Screen {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    /// Those without a line of their own.
    hidden: Tally,
    rest: Option<ProgressBar>,
    width: usize,
}

impl Board {
    /// A board without lines, on standard error.
    pub fn new() -> Self {
        let screen = std::io::stderr().is_terminal().then(Screen::default);
        Self { lines: HashMap::new(), said: HashMap::new(), failures: HashMap::new(), screen }
    }

    /// Shows how a Kustomization is now.
    pub fn update(&mut self, name: &str, line: Line) {
        let known = Known::of(&line);
        let before = self.lines.insert(name.to_owned(), known);
        if before == Some(known) {
            return;
        }
        let news = self.news(name, &line);
        match &mut self.screen {
            Some(screen) => screen.draw(name, &line, before, news.as_deref()),
            None => self.print(name, line, before, news),
        }
    }

    /// What of a failure was not said before, with what it is a failure of; nothing where it was, or is none.
    fn news(&mut self, name: &str, line: &Line) -> Option<String> {
        if matches!(line.phase, Phase::Ready | Phase::Suspended) {
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
        if let Some(screen) = self.screen.as_mut() {
            if let Some(bar) = screen.bars.remove(name) {
                bar.finish_and_clear();
                screen.all.remove(&bar);
            } else {
                screen.hidden.forget(name);
                screen.draw_rest();
            }
        } else {
            print(Mark::Success, &format!("{name}: "), "deleted");
        }
    }

    /// Says something above the lines that move.
    pub fn say(&self, mark: Mark, text: &str) {
        match &self.screen {
            Some(screen) => screen.all.suspend(|| print(mark, "", text)),
            None => print(mark, "", text),
        }
    }

    /// Ends the movement; the lines stay as they are, and changes from now on are printed below them.
    pub fn finish(&mut self) {
        if let Some(screen) = self.screen.take() {
            for bar in screen.bars.values().chain(&screen.rest) {
                bar.abandon();
            }
            // The lines end without a line break.
            let _ = writeln!(io::stderr());
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
fn print(mark: Mark, head: &str, text: &str) {
    for line in paragraph(&format!("{} {mark} {}", stamp(), plain(head)), &plain(text), INDENT, stderr_columns()) {
        // Where nobody takes what is said, work goes on.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

impl Screen {
    /// Draws a line; of a failure it is known what is `news`, where that is known of it.
    fn draw(&mut self, name: &str, line: &Line, before: Option<Known>, news: Option<&str>) {
        let is_other = before.is_none_or(|before| before.brief != digest(&line.brief));
        let is_new_failure = line.phase == Phase::Failed && is_other && (line.failed_at.is_none() || news.is_some());
        if !self.bars.contains_key(name) {
            if self.bars.len() >= LINES {
                if is_new_failure {
                    self.tell(name, line, news);
                }
                self.hidden.note(name, line.phase);
                self.draw_rest();
                return;
            }
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(TICK);
            self.bars.insert(name.to_owned(), bar);
        }
        let widest = self.bars.keys().map(String::len).max().unwrap_or(0);
        self.width = self.width.max(widest);
        let head = format!("{name:width$}  ", width = self.width);
        let room = stderr_columns().map(|columns| columns.saturating_sub(LEAD));
        let mut lines = paragraph(&head, &plain(&line.brief), INDENT, room);
        if lines.len() > LONGEST {
            if is_new_failure {
                self.tell(name, line, news);
            }
            let more = lines.split_off(LONGEST - 1).len();
            let where_else = if line.phase == Phase::Failed { " are told above" } else { "" };
            lines.push(format!("{}({more} more lines{where_else})", " ".repeat(INDENT)));
        }
        if let Some(bar) = self.bars.get(name) {
            bar.set_style(style(line.phase));
            bar.set_message(lines.join("\n"));
        }
    }

    /// Tells of a failure as a whole, above the lines that move.
    fn tell(&self, name: &str, line: &Line, news: Option<&str>) {
        let text = news.unwrap_or(line.full.as_ref().unwrap_or(&line.brief));
        self.all.suspend(|| print(mark(line.phase), &format!("{name}: "), text));
    }

    /// The line that those without one of their own share.
    fn draw_rest(&mut self) {
        let hidden = &self.hidden;
        let working = hidden.count(Phase::Working);
        let text = format!(
            "and {} more: {} ready, {working} working, {} failed",
            hidden.total(),
            hidden.count(Phase::Ready) + hidden.count(Phase::Suspended),
            hidden.count(Phase::Failed),
        );
        let phase = if working > 0 { Phase::Working } else { Phase::Ready };
        let bar = self.rest.get_or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(TICK);
            bar
        });
        let room = stderr_columns().map(|columns| columns.saturating_sub(LEAD));
        bar.set_style(style(phase));
        bar.set_message(paragraph("", &text, INDENT, room).join("\n"));
    }
}

fn mark(phase: Phase) -> Mark {
    match phase {
        Phase::Working => Mark::Waiting,
        Phase::Ready | Phase::Suspended => Mark::Success,
        Phase::Failed => Mark::Failure,
    }
}

/// A spinner while something is done, then a mark that stands still. Nothing is cut: messages are wrapped.
fn style(phase: Phase) -> ProgressStyle {
    let spinner = ProgressStyle::default_spinner();
    let template = match phase {
        Phase::Working => "{spinner:.cyan} {msg}".to_owned(),
        phase => format!("{} {{msg}}", mark(phase)),
    };
    // The templates are those above, which are well formed.
    spinner.template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
