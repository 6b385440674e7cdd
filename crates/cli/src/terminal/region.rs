//! The lines at the bottom of a terminal that move: what needs a look stands first.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use console::{Term, measure_text_width};

use super::Mark;
use super::frame::{Frame, Item, compose};
use super::progress::{Line, Phase, print};
use super::tally::Tally;
use super::text::plain;
use super::waits::{Group, Waits};

/// How much of a message is kept, in bytes: more than a screen has room for.
const KEPT: usize = 4_000;
/// The size of a terminal that does not tell it, in rows and columns.
const USUAL: (usize, usize) = (24, 80);

/// In which order they are shown. Those that wait come together.
const ORDER: [Phase; 5] = [Phase::Failed, Phase::Working, Phase::Waiting, Phase::Suspended, Phase::Ready];

/// The lines, and what of them is on the screen.
#[derive(Default)]
pub(super) struct Region {
    phases: HashMap<String, Phase>,
    texts: [BTreeMap<String, String>; ORDER.len()],
    tally: Tally,
    /// Those that wait, as they were when it was last looked.
    groups: Vec<Group>,
    /// What is to be said of failures that are not on the screen as a whole.
    untold: BTreeMap<String, String>,
    /// The rows that are on the screen.
    drawn: Vec<String>,
    size: (usize, usize),
    is_due: bool,
    turn: usize,
}

impl Region {
    /// Notes how a Kustomization is; `news` is what is to be said of a failure.
    pub(super) fn note(&mut self, name: &str, line: &Line, news: Option<String>) {
        self.take_out(name);
        let mut text = plain(&line.brief);
        text.truncate(text.floor_char_boundary(KEPT));
        if line.phase != Phase::Waiting {
            self.texts[line.phase as usize].insert(name.to_owned(), text);
        }
        self.phases.insert(name.to_owned(), line.phase);
        self.tally.note(name, line.phase);
        if let Some(news) = news {
            self.untold.insert(name.to_owned(), news);
        }
        if line.phase != Phase::Failed {
            self.untold.remove(name);
        }
    }

    /// Shows a Kustomization no longer.
    pub(super) fn forget(&mut self, name: &str) {
        self.take_out(name);
        self.untold.remove(name);
    }

    fn take_out(&mut self, name: &str) {
        if let Some(phase) = self.phases.remove(name) {
            self.texts[phase as usize].remove(name);
            self.tally.forget(name);
        }
        self.is_due = true;
    }

    /// Says something above the lines.
    pub(super) fn say(&mut self, mark: Mark, head: &str, text: &str) {
        self.erase();
        print(mark, head, text);
        self.is_due = true;
    }

    /// Draws the lines where they are not as they should be.
    pub(super) fn draw(&mut self, waits: &Waits) {
        let size = size();
        if !(self.is_due || size != self.size || self.tally.count(Phase::Working) > 0) {
            return;
        }
        if self.is_due {
            self.groups = waits.groups();
        }
        if size != self.size {
            // The terminal may have broken rows, or cut them.
            self.erase();
        }
        (self.size, self.turn) = (size, self.turn + 1);
        let frame = self.frame(&ORDER, size);
        let untold = self.untold.extract_if(.., |name, _| !frame.whole.contains(name));
        for (name, text) in untold.collect::<Vec<_>>() {
            self.say(Mark::Failure, &format!("{name}: "), &text);
        }
        self.put(frame.rows);
        self.is_due = false;
    }

    /// Leaves what is well on the screen for good. The rest is told by whoever ends the movement.
    pub(super) fn end(&mut self) {
        let frame = self.frame(&[Phase::Suspended, Phase::Ready], size());
        self.put(frame.rows);
    }

    fn frame(&self, phases: &[Phase], size: (usize, usize)) -> Frame {
        let counts: Vec<_> = phases.iter().map(|phase| (*phase, self.tally.count(*phase))).collect();
        let items = phases.iter().flat_map(|phase| self.items(*phase));
        compose(items, &counts, size, self.turn)
    }

    fn items(&self, phase: Phase) -> impl Iterator<Item = Item> {
        let item =
            move |(name, text): (&String, &String)| Item { phase, name: name.clone(), text: text.clone(), count: 1 };
        let together = |group: &Group| Item {
            phase: Phase::Waiting,
            name: String::new(),
            text: group.to_string(),
            count: group.names.len(),
        };
        let groups = if phase == Phase::Waiting { &self.groups[..] } else { &[] };
        self.texts[phase as usize].iter().map(item).chain(groups.iter().map(together))
    }

    /// Puts rows in the place of those that are on the screen. Those that stay as they are are passed over.
    fn put(&mut self, rows: Vec<String>) {
        let stays = |place: usize, row: &String| self.drawn.len() == rows.len() && self.drawn.get(place) == Some(row);
        let mut text = self.back();
        for (place, row) in rows.iter().enumerate() {
            text += &if stays(place, row) { "\n".to_owned() } else { format!("{row}\u{1b}[K\n") };
        }
        write(&(text + "\u{1b}[J"));
        self.drawn = rows;
    }

    fn erase(&mut self) {
        if !self.drawn.is_empty() {
            write(&(self.back() + "\u{1b}[J"));
            self.drawn.clear();
        }
    }

    /// Goes to where the lines begin. Those that are too long for a terminal that was made narrower take more rows by now.
    fn back(&self) -> String {
        let columns = size().1;
        let rows: usize = self.drawn.iter().map(|row| measure_text_width(row).div_ceil(columns).max(1)).sum();
        if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A") }
    }
}

/// How many rows and columns there are.
fn size() -> (usize, usize) {
    let size = Term::stderr().size_checked().map(|(rows, columns)| (usize::from(rows), usize::from(columns)));
    size.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or(USUAL)
}

/// Where nobody takes what is drawn, work goes on.
fn write(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
