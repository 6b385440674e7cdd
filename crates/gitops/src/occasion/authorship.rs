//! Who wrote a revision.

use std::fmt;

use cowherd_apply::mask::Mask;
use cowherd_source::Commit;

/// How long a name is at most, in characters.
const LONGEST_NAME: usize = 60;
/// How long a subject is at most, in characters: Git's own tools expect fewer.
const LONGEST_SUBJECT: usize = 100;

/// Who wrote a revision, and what they said of it. Anybody may write anything into a commit: here it is one line of
/// limited length, without what would steer a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorship {
    /// The author's name, or else the address.
    pub author: String,
    /// The first line of what they said.
    pub subject: String,
}

impl Authorship {
    pub(crate) fn new(name: &str, email: &str, subject: &str) -> Self {
        let name = line(name, LONGEST_NAME);
        let author = if name.is_empty() { line(email, LONGEST_NAME) } else { name };
        Self { author, subject: line(subject, LONGEST_SUBJECT) }
    }

    /// Who wrote the commit.
    pub(crate) fn of(commit: &Commit) -> Self {
        Self::new(&commit.author.name, &commit.author.email, &commit.subject)
    }

    pub(crate) fn masked(&self, mask: &Mask) -> Self {
        Self { author: mask.text(&self.author), subject: mask.text(&self.subject) }
    }
}

impl fmt::Display for Authorship {
    /// `"Scale up" by Ada`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.subject)?;
        if self.author.is_empty() { Ok(()) } else { write!(f, " by {}", self.author) }
    }
}

/// `text` as one line that steers nothing, cut where it is too long.
pub(super) fn line(text: &str, longest: usize) -> String {
    let plain = text.chars().map(|char| if char.is_whitespace() { ' ' } else { char }).filter(|char| !steers(*char));
    let plain: String = plain.collect();
    let plain = plain.trim();
    match plain.char_indices().nth(longest) {
        Some(_) => plain.chars().take(longest - 1).chain(['…']).collect(),
        None => plain.to_owned(),
    }
}

/// Whether a character is none to be seen: it moves the cursor, say, or turns the direction of what follows.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_commit_says_is_one_line_that_steers_nothing() {
        let written = Authorship::new("Ada\u{1b}[31m\u{202e}", "ada@example.org", "  Scale\tup\u{7} now\n");
        assert_eq!(written.to_string(), "\"Scale up now\" by Ada[31m");
        assert_eq!(Authorship::new("", "ada@example.org", "x").to_string(), "\"x\" by ada@example.org");
        assert_eq!(Authorship::new("", "", "x").to_string(), "\"x\"");
        let long = Authorship::new(&"ü".repeat(100), "", &"é".repeat(1000));
        assert_eq!((long.author.chars().count(), long.subject.chars().count()), (LONGEST_NAME, LONGEST_SUBJECT));
        assert!(long.subject.ends_with("é…"));
    }
}
