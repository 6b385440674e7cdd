//! Text for people: without what steers a terminal, broken where the line ends, with commits as short as Git shows them.

use std::io::Write as _;

use console::{AnsiCodeIterator, Term, measure_text_width};
use cowherd_review::report::clean;

use super::Mark;

/// How far the further lines of what is said are indented.
const SAID: usize = 2;

/// What ends all colours.
const UNCOLOURED: &str = "\u{1b}[0m";

/// Breaks a text between words into lines of at most `width` columns; a word that is longer is broken, too. A colour goes on in the
/// next line, and ends with each.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    flow(text, width, width)
}

/// The same where the first line has another width than the others.
fn flow(text: &str, first: usize, others: usize) -> Vec<String> {
    let others = others.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let columns = measure_text_width(word);
        let width = if lines.len() > 1 { others } else { first };
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + columns <= width => {
                line.push(' ');
                line.push_str(word);
            }
            // A word that fits a line of its own is not broken for the first one's sake.
            None if columns > first && first < others => {
                lines.push(String::new());
                lines.extend(pieces(word, others));
            }
            _ => lines.extend(pieces(word, others)),
        }
    }
    closed(lines)
}

/// Lines of which none leaves a colour to what stands behind it.
fn closed(mut lines: Vec<String>) -> Vec<String> {
    let mut open = String::new();
    for line in &mut lines {
        let before = std::mem::take(&mut open);
        open = coloured_behind(&before, line);
        let end = if open.is_empty() { "" } else { UNCOLOURED };
        if !(before.is_empty() && end.is_empty()) {
            *line = format!("{before}{line}{end}");
        }
    }
    lines
}

/// The colour behind a line that begins with a colour.
fn coloured_behind(before: &str, line: &str) -> String {
    let codes = AnsiCodeIterator::new(line).filter(|(_, is_code)| *is_code).map(|(code, _)| code);
    codes.fold(before.to_owned(), |colour, code| match code {
        UNCOLOURED | "\u{1b}[m" => String::new(),
        code => colour + code,
    })
}

/// A word in pieces of at most `width` columns.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for part in unbreakable(word) {
        let columns = measure_text_width(part);
        if taken + columns > width && taken > 0 {
            pieces.push(String::new());
            taken = 0;
        }
        taken += columns;
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(part);
        }
    }
    pieces
}

/// The parts of a text between which it may be broken: characters, and what steers a terminal as a whole.
fn unbreakable(text: &str) -> impl Iterator<Item = &str> {
    AnsiCodeIterator::new(text).flat_map(|(part, is_code)| {
        let (code, shown) = if is_code { (Some(part), "") } else { (None, part) };
        code.into_iter().chain(shown.split_inclusive(|_: char| true))
    })
}

/// How many rows a line takes on a terminal of so many columns: what is two columns wide is not broken at its edge.
pub fn rows(line: &str, columns: usize) -> usize {
    let (mut rows, mut taken) = (1, 0);
    for width in unbreakable(line).map(measure_text_width) {
        if taken + width > columns && taken > 0 {
            (rows, taken) = (rows + 1, 0);
        }
        taken += width;
    }
    rows
}

/// A text of many lines under a head: what does not fit on the page, and each further line, is indented by `indent`
/// columns. Without a page nothing is broken.
pub fn paragraph(head: &str, text: &str, indent: usize, page: Option<usize>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let taken = measure_text_width(head);
    for (index, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        let first = if index == 0 { taken } else { indent };
        let broken = match page {
            Some(page) => flow(line, page.saturating_sub(first), page.saturating_sub(indent)),
            None => vec![line.trim_end().to_owned()],
        };
        for (number, part) in broken.into_iter().enumerate() {
            let start = if index == 0 && number == 0 { head.to_owned() } else { " ".repeat(indent) };
            lines.push((start + &part).trim_end().to_owned());
        }
    }
    if lines.is_empty() { vec![head.trim_end().to_owned()] } else { lines }
}

/// Lines as they are written, but that those which are too long for a terminal of so many columns are broken between words; what
/// goes on is indented. A command at the end of a line stays whole, to be copied.
pub fn broken(text: &str, page: Option<usize>) -> Vec<String> {
    let Some(page) = page else { return text.split('\n').map(str::to_owned).collect() };
    let of_line = |line: &str| {
        if measure_text_width(line) <= page || ends_in_a_command(line) {
            return vec![line.to_owned()];
        }
        let (lead, words) = line.split_at(line.len() - line.trim_start_matches(' ').len());
        paragraph(lead, words, lead.len() + SAID, Some(page))
    };
    text.split('\n').flat_map(of_line).collect()
}

/// Whether a line is a command, or says what one is for.
fn ends_in_a_command(line: &str) -> bool {
    const PROGRAMS: [&str; 4] = ["cowherd ", "export ", "git ", "kubectl "];
    let end = line.rsplit_once(": ").map_or(line, |(_, end)| end).trim_start();
    line.starts_with(' ') && PROGRAMS.iter().any(|program| end.starts_with(program))
}

/// Writes a text to standard error, broken where the terminal ends. Where nobody takes it, work goes on.
pub fn write(text: std::fmt::Arguments<'_>) {
    let lines = broken(&text.to_string(), stderr_columns()).join("\n") + "\n";
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// Says something on standard error under a mark, broken where the terminal ends.
pub fn say(mark: Mark, text: &str) {
    for line in paragraph(&format!("{mark} "), &plain(text), SAID, stderr_columns()) {
        crate::terminal::tell!("{line}");
    }
}

/// How many columns standard error has, if it is a terminal.
pub fn stderr_columns() -> Option<usize> {
    columns(&Term::stderr())
}

/// How many columns standard output has, if it is a terminal.
pub fn stdout_columns() -> Option<usize> {
    columns(&Term::stdout())
}

fn columns(term: &Term) -> Option<usize> {
    term.is_term().then(|| term.size_checked()).flatten().map(|(_, columns)| usize::from(columns))
}

/// `text` with marks for what would steer a terminal or mislead a reader: what is shown comes from repositories and
/// clusters, where anybody may have written anything.
pub fn plain(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// Shortens the ids of commits, and the digests of artifacts, to eight digits.
pub fn shorten_commits(text: &str) -> String {
    [("sha1:", 40), ("sha256:", 64)].into_iter().fold(text.to_owned(), |text, (name, full)| shorten(&text, name, full))
}

/// Shortens what stands behind `name` and has `full` digits.
fn shorten(text: &str, name: &str, full: usize) -> String {
    const SHORT: usize = 8;
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(name) {
        let (before, id) = rest.split_at(start + name.len());
        let digits = id.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(before);
        short.push_str(&id[..if digits == full { SHORT } else { digits }]);
        rest = &id[digits..];
    }
    short + rest
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
        let digest = "042f6f97".repeat(8);
        assert_eq!(shorten_commits(&format!("latest@sha256:{digest}'")), "latest@sha256:042f6f97'");
    }

    #[test]
    fn lines_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"], "what is two columns wide");
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }

    #[test]
    fn colours_take_no_columns_are_not_broken_and_end_with_each_line() {
        let red = |text: &str| format!("\u{1b}[31m{text}\u{1b}[0m");
        assert_eq!(wrap(&red("one two"), 7), [red("one two")], "they have no width");
        assert_eq!(wrap(&red("one two"), 5), [red("one"), red("two")]);
        assert_eq!(wrap(&format!("a {} d", red("b c")), 3), [format!("a {}", red("b")), format!("{} d", red("c"))]);
        assert_eq!(wrap(&red("abcdef"), 4), [red("abcd"), red("ef")]);
        assert_eq!(wrap("\u{1b}[1m\u{1b}[31mab cd", 2), ["ab", "cd"].map(|text| format!("\u{1b}[1m{}", red(text))));
        let empty = red("");
        assert_eq!(wrap(&format!("ab{empty}cd"), 2), [format!("ab{empty}"), "cd".to_owned()]);
    }

    #[test]
    fn rows_are_counted_as_a_terminal_shows_them() {
        assert_eq!(["", "abcd", "abcde", "\u{1b}[31mabcd\u{1b}[0m"].map(|line| rows(line, 4)), [1, 1, 2, 1]);
        assert_eq!(rows("日本語", 5), 2);
        assert_eq!(rows("日本語", 3), 3, "half of one is not shown");
    }

    #[test]
    fn each_line_of_a_text_begins_below_the_head() {
        let text = "one two three\nfour";
        assert_eq!(paragraph("✗ app: ", text, 4, None), ["✗ app: one two three", "    four"]);
        assert_eq!(paragraph("✗ app: ", text, 4, Some(11)), ["✗ app: one", "    two", "    three", "    four"]);
        assert_eq!(paragraph("✗ app: ", "abcdefg hi", 4, Some(11)), ["✗ app:", "    abcdefg", "    hi"]);
        assert_eq!(paragraph("✗ app: ", "abcdefghi", 4, Some(11)), ["✗ app:", "    abcdefg", "    hi"]);
        assert_eq!(paragraph("✗ app: ", "", 4, Some(11)), ["✗ app:"]);
        let coloured = "\u{1b}[31m✗\u{1b}[0m app: ";
        assert_eq!(paragraph(coloured, "one two", 4, Some(11)), [format!("{coloured}one"), "    two".to_owned()]);
    }

    #[test]
    fn what_is_too_long_for_the_terminal_is_broken_between_words_and_the_rest_stays() {
        let text = "✗ one two three\n\n  a  table\n  to go on with it: cowherd up --data-dir here";
        assert_eq!(broken(text, None).join("\n"), text);
        assert_eq!(
            broken(text, Some(10)),
            ["✗ one two", "  three", "", "  a  table", "  to go on with it: cowherd up --data-dir here"]
        );
        assert_eq!(broken("  tip: name one", Some(12)), ["  tip: name", "    one"]);
        let red = "\u{1b}[31m✗\u{1b}[0m one two";
        assert_eq!(broken(red, Some(9)), [red], "colours take no room");
    }

    #[test]
    fn what_steers_a_terminal_is_not_shown() {
        assert_eq!(plain("a\u{1b}[2J\u{7}b\u{9b}c\nd"), "a\u{fffd}[2J\u{fffd}b\u{fffd}c\nd");
    }
}
