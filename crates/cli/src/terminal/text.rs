//! Text for people: without what steers a terminal, broken where the line ends, with commits as short as Git shows them.

use console::{Term, measure_text_width};
use cowherd_review::report::clean;

use super::Mark;

/// How far the further lines of what is said are indented.
const SAID: usize = 2;

/// Breaks a text between words into lines of at most `width` columns; a word that is longer is broken, too.
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
    lines
}

/// A word in pieces of at most `width` columns.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for char in word.chars() {
        let columns = measure_text_width(char.encode_utf8(&mut [0; 4]));
        if taken + columns > width && taken > 0 {
            pieces.push(String::new());
            taken = 0;
        }
        taken += columns;
        if let Some(piece) = pieces.last_mut() {
            piece.push(char);
        }
    }
    pieces
}

/// A text of many lines under a head: what does not fit on the page, and each further line, is indented by `indent`
/// columns. Without a page nothing is broken.
pub fn paragraph(head: &str, text: &str, indent: usize, page: Option<usize>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let taken = width_on_terminal(head);
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

/// Says something on standard error under a mark, broken where the terminal ends.
pub fn say(mark: Mark, text: &str) {
    for line in paragraph(&format!("{mark} "), &plain(text), SAID, stderr_columns()) {
        crate::terminal::tell!("{line}");
    }
}

/// How many columns a text takes that may have colours.
fn width_on_terminal(text: &str) -> usize {
    let mut width = 0;
    for (index, part) in text.split('\u{1b}').enumerate() {
        // A colour ends with its first letter.
        let shown = if index == 0 { part } else { part.split_once('m').map_or("", |(_, shown)| shown) };
        width += measure_text_width(shown);
    }
    width
}

/// How many columns standard error has, if it is a terminal.
pub fn stderr_columns() -> Option<usize> {
    let term = Term::stderr();
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
    fn what_steers_a_terminal_is_not_shown() {
        assert_eq!(plain("a\u{1b}[2J\u{7}b\u{9b}c\nd"), "a\u{fffd}[2J\u{fffd}b\u{fffd}c\nd");
    }
}
