//! The lines at the bottom of a terminal that move: what needs a look stands first.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use console::Term;

use super::frame::{Frame, Item, Screen, compose};
use super::progress::{Line, Phase, print};
use super::tally::Tally;
use super::text::{self, plain};
use super::waits::{Group, Waits};
use super::{Mark, colours};

/// How much of a message is kept, in bytes: more than a screen has room for.
const KEPT: usize = 4_000;
/// The size of a terminal that does not tell it, in rows and columns.
const USUAL: (usize, usize) = (24, 80);

/// Erases all below the cursor.
const ERASE: &str = "\u{1b}[J";

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
        compose(items, &counts, Screen { size, turn: self.turn, colours: colours() })
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

    /// Puts rows in the place of those that are on the screen.
    fn put(&mut self, rows: Vec<String>) {
        write(&redrawn(&self.drawn, &rows, size().1));
        self.drawn = rows;
    }

    fn erase(&mut self) {
        if !self.drawn.is_empty() {
            write(&(back(&self.drawn, size().1) + ERASE));
            self.drawn.clear();
        }
    }
}

/// Draws rows in the place of those that are on a screen of so many columns. Those that stay as they are are passed over.
fn redrawn(drawn: &[String], rows: &[String], columns: usize) -> String {
    let stays = |place: usize, row: &String| drawn.len() == rows.len() && drawn.get(place) == Some(row);
    let mut text = back(drawn, columns);
    for (place, row) in rows.iter().enumerate() {
        text += &if stays(place, row) { "\n".to_owned() } else { format!("{row}\u{1b}[K\n") };
    }
    text + ERASE
}

/// Goes to where the rows begin. Those that are too long for a terminal that was made narrower take more rows by now.
fn back(drawn: &[String], columns: usize) -> String {
    let rows: usize = drawn.iter().map(|row| text::rows(row, columns)).sum();
    if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A") }
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    /// A terminal of twelve columns, as a program sees it that writes line feeds.
    fn terminal() -> vt100::Parser {
        let size = |number| NonZeroU16::new(number).unwrap();
        vt100::Parser::new(size(6), size(12), 100)
    }

    fn shown(terminal: &mut vt100::Parser, text: &str) -> Vec<String> {
        terminal.process(text.replace('\n', "\r\n").as_bytes());
        terminal.screen().rows(0, 12).map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
    }

    fn rows(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    #[test]
    fn lines_that_move_leave_what_stands_above_them_colours_or_not() {
        let mut terminal = terminal();
        shown(&mut terminal, "\u{1b}[32m✔\u{1b}[0m it listens\n");
        let first = rows(&["\u{1b}[36m⠸\u{1b}[0m apps go", "\u{1b}[36m⠸\u{1b}[0m 日本語 go"]);
        assert_eq!(shown(&mut terminal, &redrawn(&[], &first, 12)), ["✔ it listens", "⠸ apps go", "⠸ 日本語 go"]);
        let second = rows(&["\u{1b}[36m⠼\u{1b}[0m apps", "\u{1b}[36m⠸\u{1b}[0m 日本語 go"]);
        assert_eq!(shown(&mut terminal, &redrawn(&first, &second, 12)), ["✔ it listens", "⠼ apps", "⠸ 日本語 go"]);
        let third = rows(&["\u{1b}[32m✔\u{1b}[0m all"]);
        assert_eq!(shown(&mut terminal, &redrawn(&second, &third, 12)), ["✔ it listens", "✔ all"]);
        let erased = back(&third, 12) + ERASE + "\u{1b}[31m✗\u{1b}[0m it fails\n";
        assert_eq!(shown(&mut terminal, &erased), ["✔ it listens", "✗ it fails"]);
    }

    #[test]
    fn at_the_bottom_of_the_screen_nothing_is_lost_either() {
        let mut terminal = terminal();
        shown(&mut terminal, "one\ntwo\nthree\nfour\n");
        let drawn = rows(&["\u{1b}[36m⠸\u{1b}[0m a", "\u{1b}[36m⠸\u{1b}[0m b", "\u{1b}[36m⠸\u{1b}[0m c"]);
        shown(&mut terminal, &redrawn(&[], &drawn, 12));
        assert_eq!(shown(&mut terminal, &redrawn(&drawn, &rows(&["end"]), 12)), ["three", "four", "end"]);
    }

    #[test]
    fn rows_that_a_narrower_terminal_has_broken_are_counted_as_it_shows_them() {
        let drawn = rows(&["\u{1b}[36m⠸\u{1b}[0m apps", "日本語日本"]);
        assert_eq!(back(&drawn, 12), "\r\u{1b}[2A");
        // A character of two columns is not broken at the edge.
        assert_eq!(back(&drawn, 5), "\r\u{1b}[5A");
        assert_eq!(back(&[], 5), "");
    }
}
