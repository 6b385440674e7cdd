//! Who wrote a revision.

use std::fmt;

use cowherd_apply::mask::Mask;
use cowherd_source::Commit;
use cowherd_text::harmless;

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
pub(crate) fn line(text: &str, longest: usize) -> String {
    let plain: String = text.chars().map(|char| if char.is_whitespace() { ' ' } else { char }).collect();
    let plain = harmless(plain.trim());
    match plain.char_indices().nth(longest) {
        Some(_) => plain.chars().take(longest - 1).chain(['…']).collect(),
        None => plain.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_commit_says_is_one_line_that_steers_nothing() {
        let written = Authorship::new("Ada\u{1b}[31m\u{202e}", "ada@example.org", "  Scale\tup\u{7} now\n");
        assert_eq!(written.to_string(), "\"Scale up\\u{7} now\" by Ada\\u{1b}[31m\\u{202e}");
        for unseen in ['\u{61c}', '\u{200b}', '\u{2066}', '\u{feff}', '\u{e0041}'] {
            let told = Authorship::new(&format!("ad{unseen}min"), "", "x").author;
            assert_eq!(told, format!("ad{}min", unseen.escape_unicode()));
        }
        assert_eq!(Authorship::new("", "ada@example.org", "x").to_string(), "\"x\" by ada@example.org");
        assert_eq!(Authorship::new("", "", "x").to_string(), "\"x\"");
        let long = Authorship::new(&"ü".repeat(100), "", &"é".repeat(1000));
        assert_eq!((long.author.chars().count(), long.subject.chars().count()), (LONGEST_NAME, LONGEST_SUBJECT));
        assert!(long.subject.ends_with("é…"));
    }
}
