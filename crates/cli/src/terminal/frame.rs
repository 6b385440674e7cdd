//! What is on the screen at one moment of what is known of many: as many as there is room for, and how many others there are.

use console::measure_text_width;

use super::Mark;
use super::progress::{Phase, mark};
use super::text::{paragraph, plain};

/// How many have rows of their own; the others share one.
const ITEMS: usize = 16;
/// How many rows a failure has; the rest is told above.
const LONGEST: usize = 5;
/// How many rows anything else has, of which nothing is told elsewhere.
const LONGEST_UNTOLD: usize = 12;
/// How far the further rows of a message are indented.
const INDENT: usize = 4;
/// What moves beside what is being done.
const TURNS: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// What has rows of its own: a Kustomization, or several that wait for the same.
pub(super) struct Item {
    pub(super) phase: Phase,
    /// Its name; nothing where the text says of whom it is.
    pub(super) name: String,
    pub(super) text: String,
    /// How many Kustomizations it is.
    pub(super) count: usize,
}

/// Rows that fit the screen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) rows: Vec<String>,
    /// Those that are shown with all of their text.
    pub(super) whole: Vec<String>,
}

/// What is drawn on.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    /// How many rows and columns there are.
    pub(super) size: (usize, usize),
    /// How often it was drawn on: what moves is another sign each time.
    pub(super) turn: usize,
    /// Whether it shows colours.
    pub(super) colours: bool,
}

/// The first of the items on a screen. `counts` are all of them, by phase.
pub(super) fn compose(items: impl Iterator<Item = Item>, counts: &[(Phase, usize)], screen: Screen) -> Frame {
    let (rows, columns) = screen.size;
    // What is as wide as the screen would be broken by some terminals.
    let page = columns.saturating_sub(1).max(1);
    // There are rows for the others, and one that the cursor is in.
    let mut room = rows.saturating_sub(1 + others(counts, page, screen).len());
    let first: Vec<Item> = items.take(ITEMS).collect();
    let widths = first.iter().map(|item| measure_text_width(&item.name));
    let width = widths.max().unwrap_or(0).min(columns / 3);
    let (mut frame, mut left) = (Frame::default(), counts.to_vec());
    for item in first {
        let (part, is_whole) = item.rows(width, page, screen);
        if part.len() > room {
            break;
        }
        room -= part.len();
        frame.rows.extend(part);
        left.iter_mut().filter(|(phase, _)| *phase == item.phase).for_each(|(_, left)| *left -= item.count.min(*left));
        frame.whole.extend(is_whole.then_some(item.name));
    }
    frame.rows.extend(others(&left, page, screen));
    frame
}

/// The row of those that have none of their own.
fn others(left: &[(Phase, usize)], page: usize, screen: Screen) -> Vec<String> {
    let words = left.iter().filter(|(_, count)| *count > 0).map(|(phase, count)| {
        let word = match phase {
            Phase::Failed => "failed",
            Phase::Working => "working",
            Phase::Waiting => "waiting",
            Phase::Suspended => "suspended",
            Phase::Ready => "ready",
        };
        format!("{count} {word}")
    });
    let words: Vec<String> = words.collect();
    let total: usize = left.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return Vec::new();
    }
    let is_at_work = left.iter().any(|(phase, count)| *phase == Phase::Working && *count > 0);
    let head = if is_at_work { screen.sign(Phase::Working) } else { Mark::Action.shown(screen.colours) };
    paragraph(&format!("{head} "), &format!("and {total} more: {}", words.join(", ")), INDENT, Some(page))
}

impl Item {
    /// Its rows, and whether they say all. A sentence is not cut where what follows is told elsewhere.
    fn rows(&self, width: usize, page: usize, screen: Screen) -> (Vec<String>, bool) {
        let sign = screen.sign(self.phase);
        let head = match self.name.as_str() {
            "" => format!("{sign} "),
            name => format!("{sign} {name}{}  ", " ".repeat(width.saturating_sub(measure_text_width(name)))),
        };
        let text = plain(&self.text);
        let all = paragraph(&head, &text, INDENT, Some(page));
        let longest = if self.phase == Phase::Failed { LONGEST } else { LONGEST_UNTOLD };
        if all.len() <= longest {
            return (all, true);
        }
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let parts =
            (1..lines.len()).rev().map(|count| paragraph(&head, &lines[..count].join("\n"), INDENT, Some(page)));
        let mut part = match (parts.into_iter().find(|part| part.len() < longest), self.phase) {
            (Some(part), _) => part,
            (None, Phase::Failed) => {
                let told = format!("(all {} lines are told above)", all.len());
                return (paragraph(&head, &told, INDENT, Some(page)), false);
            }
            (None, _) => all[..longest - 1].to_vec(),
        };
        let where_else = if self.phase == Phase::Failed { " are told above" } else { "" };
        part.push(format!("{}({} more lines{where_else})", " ".repeat(INDENT), all.len() - part.len()));
        (part, false)
    }
}

impl Screen {
    /// What stands before a text: it moves while something is done.
    fn sign(self, phase: Phase) -> String {
        let moving = TURNS[self.turn % TURNS.len()];
        match phase {
            Phase::Working if self.colours => format!("\u{1b}[36m{moving}\u{1b}[0m"),
            Phase::Working => moving.to_string(),
            phase => mark(phase).shown(self.colours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(phase: Phase, name: &str, text: &str) -> Item {
        Item { phase, name: name.to_owned(), text: text.to_owned(), count: 1 }
    }

    fn composed(items: Vec<Item>, counts: &[(Phase, usize)], size: (usize, usize)) -> Vec<String> {
        let frame = |colours| {
            let items = items.iter().map(|one| item(one.phase, &one.name, &one.text));
            compose(items, counts, Screen { size, turn: 0, colours })
        };
        let (plain, coloured) = (frame(false), frame(true));
        assert!(plain.rows.len() < size.0.max(3), "{:#?}", plain.rows);
        assert!(plain.rows.iter().all(|row| measure_text_width(row) < size.1), "{:#?}", plain.rows);
        // Colours change nothing of where something stands.
        assert!(coloured.rows.iter().any(|row| row.contains('\u{1b}')), "{:#?}", coloured.rows);
        let stripped: Vec<_> = coloured.rows.iter().map(|row| console::strip_ansi_codes(row)).collect();
        assert_eq!(stripped, plain.rows);
        assert!(coloured.rows.iter().all(|row| measure_text_width(row) < size.1), "{:#?}", coloured.rows);
        plain.rows
    }

    #[test]
    fn what_has_no_room_is_counted_and_nothing_is_cut() {
        let all = || vec![item(Phase::Failed, "a", "one two three four"), item(Phase::Ready, "bb", "1 applied")];
        let counts = [(Phase::Failed, 1), (Phase::Ready, 3)];
        assert_eq!(
            composed(all(), &counts, (10, 60)),
            ["✗ a   one two three four", "✔ bb  1 applied", "► and 2 more: 2 ready"]
        );
        assert_eq!(
            composed(all(), &counts, (5, 20)),
            ["✗ a   one two three", "    four", "► and 3 more: 3", "    ready"]
        );
        assert_eq!(
            composed(all(), &counts, (4, 40)),
            ["✗ a   one two three four", "✔ bb  1 applied", "► and 2 more: 2 ready"]
        );
        assert_eq!(composed(all(), &counts, (2, 40)), ["► and 4 more: 1 failed, 3 ready"]);
    }

    #[test]
    fn of_a_long_failure_whole_lines_are_shown_and_the_rest_is_told_above() {
        let counts = [(Phase::Failed, 1)];
        let screen = Screen { size: (20, 40), turn: 0, colours: false };
        let long = "one two three four\nfive six seven eight\nnine ten eleven twelve\nthirteen";
        let frame = |text: &str| compose([item(Phase::Failed, "a", text)].into_iter(), &counts, screen);
        assert_eq!(
            frame(long).rows,
            ["✗ a  one two three four", "    five six seven eight", "    nine ten eleven twelve", "    thirteen"]
        );
        assert_eq!(frame(long).whole, ["a"]);
        let longer = frame(&format!("{long}\nfourteen\nfifteen"));
        let shown =
            ["✗ a  one two three four", "    five six seven eight", "    nine ten eleven twelve", "    thirteen"];
        assert_eq!(longer.rows, [&shown[..], &["    (2 more lines are told above)"]].concat());
        assert!(longer.whole.is_empty());
        let sentence = "word ".repeat(100);
        assert_eq!(frame(&sentence).rows, ["✗ a  (all 15 lines are told above)"]);
    }
}
