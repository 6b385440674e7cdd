//! A line for each Kustomization: on a terminal it moves, elsewhere each change is a line of its own.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Mark;
use super::tally::Tally;

/// How many Kustomizations have a line of their own; the others share one.
const LINES: usize = 16;
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

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How the Kustomization is.
    pub phase: Phase,
    /// What is happening, or why it failed.
    pub message: String,
    /// Objects and what was done with them.
    pub counts: Counts,
}

/// Objects of a Kustomization, and what its last reconciliation did with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that it says should be there.
    pub applied: usize,
    /// Those that were created or changed.
    pub changed: usize,
    /// Those that were deleted because the repository no longer has them.
    pub pruned: usize,
    /// Those that are as healthy as they should be.
    pub ready: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { applied, changed, pruned, ready } = self;
        write!(f, "{applied} applied, {changed} changed, {pruned} pruned, {ready} ready")
    }
}

/// The lines.
pub struct Board {
    lines: BTreeMap<String, Line>,
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
        Self { lines: BTreeMap::new(), screen: std::io::stderr().is_terminal().then(Screen::default) }
    }

    /// Shows how a Kustomization is now.
    pub fn update(&mut self, name: &str, line: Line) {
        if self.lines.get(name) == Some(&line) {
            return;
        }
        self.lines.insert(name.to_owned(), line);
        if self.screen.is_some() {
            self.draw(name);
        } else {
            self.print(name);
        }
    }

    /// Takes a Kustomization off the board.
    pub fn remove(&mut self, name: &str) {
        self.lines.remove(name);
        if let Some(screen) = self.screen.as_mut() {
            if let Some(bar) = screen.bars.remove(name) {
                bar.finish_and_clear();
                screen.all.remove(&bar);
            } else {
                screen.hidden.forget(name);
                screen.draw_rest();
            }
        } else {
            eprintln!("{} {name}: deleted", Mark::Success);
        }
    }

    /// Prints a line above those that move.
    pub fn say(&self, text: &str) {
        match &self.screen {
            Some(screen) => screen.all.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Ends the movement; the lines stay as they are, and changes from now on are printed below them.
    pub fn finish(&mut self) {
        if let Some(screen) = self.screen.take() {
            for bar in screen.bars.values().chain(&screen.rest) {
                bar.abandon();
            }
            // The lines end without a line break.
            eprintln!();
        }
    }

    fn print(&self, name: &str) {
        let Some(line) = self.lines.get(name) else { return };
        eprintln!("{} {name}: {}", mark(line.phase), text(line));
    }

    fn draw(&mut self, name: &str) {
        let Some(screen) = self.screen.as_mut() else { return };
        let Some(line) = self.lines.get(name) else { return };
        if !screen.bars.contains_key(name) {
            if screen.bars.len() >= LINES {
                if line.phase == Phase::Failed {
                    screen.all.suspend(|| eprintln!("{} {name}: {}", Mark::Failure, line.message));
                }
                screen.hidden.note(name, line.phase);
                screen.draw_rest();
                return;
            }
            let bar = screen.all.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(TICK);
            screen.bars.insert(name.to_owned(), bar);
        }
        let widest = screen.bars.keys().map(String::len).max().unwrap_or(0);
        screen.width = screen.width.max(widest);
        if let Some(bar) = screen.bars.get(name) {
            bar.set_style(style(line.phase));
            bar.set_message(format!("{name:width$}  {}", text(line), width = screen.width));
        }
    }
}

impl Screen {
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
        bar.set_style(style(phase));
        bar.set_message(text);
    }
}

fn mark(phase: Phase) -> Mark {
    match phase {
        Phase::Working => Mark::Waiting,
        Phase::Ready | Phase::Suspended => Mark::Success,
        Phase::Failed => Mark::Failure,
    }
}

/// The counts, as far as there are any, and the message with commits as short as Git shows them.
fn text(line: &Line) -> String {
    let message = shorten_commits(&line.message);
    if line.counts == Counts::default() { message } else { format!("{}; {message}", line.counts) }
}

/// Shortens commit ids to eight digits.
fn shorten_commits(text: &str) -> String {
    const FULL: usize = 40;
    const SHORT: usize = 8;
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("sha1:") {
        let (before, id) = rest.split_at(start + "sha1:".len());
        let digits = id.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(before);
        short.push_str(&id[..if digits == FULL { SHORT } else { digits }]);
        rest = &id[digits..];
    }
    short + rest
}

/// A spinner while something is done, then a mark that stands still.
fn style(phase: Phase) -> ProgressStyle {
    let spinner = ProgressStyle::default_spinner();
    let template = match phase {
        Phase::Working => "{spinner:.cyan} {wide_msg}".to_owned(),
        phase => format!("{} {{wide_msg}}", mark(phase)),
    };
    // The templates are the two above, which are well formed.
    spinner.template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_shortened_and_nothing_else() {
        let sha = "042f6f9707e0ea9c6e36a5a71bc03cdf1d891a8b";
        let text = format!("Applied revision: main@sha1:{sha}, before sha1:{sha}.");
        assert_eq!(shorten_commits(&text), "Applied revision: main@sha1:042f6f97, before sha1:042f6f97.");
        assert_eq!(shorten_commits("sha1:abc x sha1:"), "sha1:abc x sha1:");
    }
}
