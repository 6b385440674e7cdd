//! Patterns of names and of paths: those of Go's `path`, and those with `**`.
//!
//! They become regular expressions, which take time that follows the length of what is compared, whatever the pattern.

use regex::{Regex, RegexBuilder};

use crate::{Cause, Effort};

/// The most bytes of memory that a pattern may take.
const MAX_MEMORY: usize = 256 << 10;
/// How many alternatives may be inside each other.
const MAX_NESTING: usize = 16;

/// What it costs to make a pattern ready, and what for each byte of it, in comparisons of names.
const READY: u64 = 200;
const READY_PER_BYTE: u64 = 20;
/// So many bytes of a pattern are compared as quickly as one.
const AT_ONCE: u64 = 16;

/// Patterns of what is left out.
pub(crate) struct Excludes {
    patterns: Vec<Exclude>,
    cost: u64,
}

struct Exclude {
    pattern: Pattern,
    /// Whether it is about the names of files at any depth, too.
    is_of_names: bool,
}

impl Excludes {
    pub(crate) fn read(texts: &[String], effort: &Effort<'_>) -> Result<Self, Cause> {
        let read = |text: &String| {
            effort.step(READY + READY_PER_BYTE * text.len() as u64)?;
            let pattern = Pattern::of_paths(text).ok_or_else(|| Cause::Exclude(text.clone()))?;
            Ok::<_, Cause>(Exclude { pattern, is_of_names: !text.contains('/') })
        };
        let cost = texts.iter().map(|text| 1 + text.len() as u64 / AT_ONCE).sum();
        Ok(Self { patterns: texts.iter().map(read).collect::<Result<_, _>>()?, cost })
    }

    /// What it costs to compare a path with all of them.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a path is left out, which begins at the top of a source or where a rule begins to choose.
    pub(crate) fn fit(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        let fits =
            |one: &Exclude| one.pattern.fits(path) || (one.is_of_names && name != path && one.pattern.fits(name));
        self.patterns.iter().any(fits)
    }
}

/// A pattern of names or paths.
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// A pattern of one name, as Go's `path.Match` has it; `None` where it is none.
    pub(crate) fn of_names(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.chars().collect(), at: 0, dialect: Dialect::Go, written: String::new() };
        reader.sequence(0, true)?;
        Self::compiled(&reader.written)
    }

    /// A pattern of a path, in which `**` stands for any directories and `{a,b}` for one of several; `None` where it is none.
    pub(crate) fn of_paths(text: &str) -> Option<Self> {
        let rest = text.chars().collect();
        let mut reader = Reader { rest, at: 0, dialect: Dialect::Doublestar, written: String::new() };
        reader.sequence(0, true)?;
        Self::compiled(&reader.written)
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    fn compiled(written: &str) -> Option<Self> {
        let builder = |size| RegexBuilder::new(&format!("^(?s:{written})$")).size_limit(size).build().ok();
        builder(MAX_MEMORY).map(Self)
    }
}

/// Whose patterns they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// Those of Go's `path`.
    Go,
    /// Those with `**` and alternatives.
    Doublestar,
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    dialect: Dialect,
    written: String,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn literal(&mut self, one: char) {
        let mut buffer = [0; 4];
        self.written.push_str(&regex::escape(one.encode_utf8(&mut buffer)));
    }

    /// What stands up to the end, or to the end of an alternative. `begins` says whether a part of a path begins there.
    fn sequence(&mut self, nesting: usize, mut begins: bool) -> Option<()> {
        while let Some(one) = self.peek() {
            if nesting > 0 && (one == ',' || one == '}') {
                return Some(());
            }
            self.at += 1;
            let is_separator = one == '/';
            match one {
                '*' => self.stars(begins),
                '?' => self.written.push_str("[^/]"),
                '[' => self.class()?,
                '\\' => {
                    let escaped = self.next()?;
                    self.literal(escaped);
                }
                '{' if self.dialect == Dialect::Doublestar => self.alternatives(nesting + 1, begins)?,
                '}' if self.dialect == Dialect::Doublestar => return None,
                '/' if self.dialect == Dialect::Doublestar && self.ends_in_directories(nesting) => return Some(()),
                other => self.literal(other),
            }
            begins = is_separator;
        }
        (nesting == 0).then_some(())
    }

    /// What ends in `/**`, or in `/**/`, fits the directory itself, too.
    fn ends_in_directories(&mut self, nesting: usize) -> bool {
        let behind: String = self.rest.get(self.at..).unwrap_or_default().iter().take(4).collect();
        if nesting > 0 || !matches!(behind.as_str(), "**" | "**/") {
            return false;
        }
        self.at = self.rest.len();
        self.written.push_str(if behind == "**" { "(?:/.*)?" } else { "(?:/(?:.*/)?)?" });
        true
    }

    fn stars(&mut self, begins: bool) {
        let mut stars = 1;
        while stars < 2 && self.dialect == Dialect::Doublestar && self.peek() == Some('*') {
            (stars, self.at) = (stars + 1, self.at + 1);
        }
        let rest = self.rest.get(self.at..).unwrap_or_default();
        match self.peek() {
            // What ends so fits without it, too.
            Some('/') if stars == 2 && !begins && rest.len() == 1 => {
                self.at += 1;
                self.written.push_str("(?:[^/]*/)?");
            }
            _ if stars < 2 || !begins => self.written.push_str("[^/]*"),
            None => self.written.push_str(".*"),
            Some('/') => {
                self.at += 1;
                self.written.push_str("(?:.*/)?");
                // Another one may begin here.
                if self.peek() == Some('*') && self.rest.get(self.at + 1) == Some(&'*') {
                    self.at += 1;
                    self.stars(true);
                }
            }
            Some(_) => self.written.push_str("[^/]*"),
        }
    }

    /// `[a-z]`, `[^a-z]`; with `**` there is `[!a-z]`, too.
    fn class(&mut self) -> Option<()> {
        let negates = match self.peek()? {
            '^' => true,
            '!' => self.dialect == Dialect::Doublestar,
            _ => false,
        };
        self.at += usize::from(negates);
        let mut ranges = String::new();
        let mut is_first = true;
        loop {
            let low = match self.next()? {
                ']' if is_first => return None,
                ']' => break,
                '-' if self.dialect == Dialect::Go => return None,
                '\\' => self.next()?,
                other => other,
            };
            is_first = false;
            let mut high = low;
            if self.peek() == Some('-') && (self.dialect == Dialect::Go || self.rest.get(self.at + 1) != Some(&']')) {
                self.at += 1;
                high = match self.next()? {
                    '\\' => self.next()?,
                    '-' | ']' if self.dialect == Dialect::Go => return None,
                    other => other,
                };
            }
            if low > high && self.dialect == Dialect::Doublestar {
                // The first of them is compared before it is seen that a range begins.
                high = low;
            }
            if low <= high {
                ranges.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
            }
        }
        // What fits nothing is a class too, and so is its opposite.
        match (ranges.is_empty(), negates) {
            (true, false) => self.written.push_str("[^\\x{0}-\\x{10ffff}]"),
            (true, true) => self.written.push('.'),
            (false, false) => self.written.push_str(&format!("[{ranges}]")),
            (false, true) => self.written.push_str(&format!("[^{ranges}]")),
        }
        Some(())
    }

    fn alternatives(&mut self, nesting: usize, begins: bool) -> Option<()> {
        if nesting > MAX_NESTING {
            return None;
        }
        self.written.push_str("(?:");
        loop {
            self.sequence(nesting, begins)?;
            match self.next()? {
                ',' => self.written.push('|'),
                _ => break,
            }
        }
        self.written.push(')');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> Option<bool> {
        Pattern::of_paths(pattern).map(|pattern| pattern.fits(path))
    }

    #[test]
    fn stars_stay_in_a_name_and_two_of_them_cross_directories() {
        for (pattern, path, expected) in [
            ("*.md", "a.md", true),
            ("*.md", "a/b.md", false),
            ("**/*.md", "a.md", true),
            ("**/*.md", "a/b/c.md", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", true),
            ("a/**", "ab", false),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/b/b/c", true),
            ("a**/c", "ab/c", true),
            ("a**/c", "a/b/c", false),
            ("{a,b}/*.y?ml", "b/x.yaml", true),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "bx", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            assert_eq!(fits(pattern, path), Some(expected), "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for bad in ["[", "[]", "[a", "{a", "\\"] {
            assert_eq!(fits(bad, "a"), None, "{bad}");
        }
        assert!(Pattern::of_names("[a-]").is_none() && Pattern::of_names("a[").is_none());
        let nested = "{".repeat(50) + "a" + &"}".repeat(50);
        assert_eq!(fits(&nested, "a"), None);
    }

    #[test]
    fn what_would_take_others_for_ever_takes_no_time() {
        let stars = "*a".repeat(200);
        let alternatives = "{a,aa}".repeat(150);
        let long = "a".repeat(4000) + "b";
        for pattern in [stars, alternatives, "**/".repeat(300) + "x", "?*".repeat(300)] {
            let begun = std::time::Instant::now();
            let fits = fits(&pattern, &long);
            assert!(fits != Some(true) || pattern.starts_with('?'), "{pattern}");
            assert!(begun.elapsed().as_secs() < 10, "{pattern}");
        }
    }
}
