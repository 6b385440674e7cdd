//! Which keys the patterns of a `.sourceignore` leave out, as source-controller has it for buckets.
//!
//! It compares keys, of which no part is a directory, and takes patterns more literally than Git does: there are no patterns but those
//! that are given, the last that fits decides, and a key that is shown again shows whatever stands above it.

use cowherd_tree::pattern::matches;

/// The patterns of a `.sourceignore`, and those that go before them.
pub(crate) struct KeyPatterns(Vec<Pattern>);

struct Pattern {
    /// Names, or patterns of names, one for each part of a key; `**` for any number of parts.
    parts: Vec<String>,
    /// Whether a key shows that it fits.
    shows: bool,
    /// Whether it fits what is in something, and not the thing itself.
    is_of_directories: bool,
}

/// The longest line, in bytes.
const LONGEST: usize = 64 << 10;

/// What stands for any number of parts.
const ANY: &str = "**";

impl KeyPatterns {
    /// The patterns in the texts, of which the later ones go before the earlier ones.
    pub(crate) fn parse(texts: &[&str]) -> Self {
        let is_pattern = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
        Self(texts.iter().flat_map(|text| lines(text)).filter(is_pattern).map(Pattern::parse).collect())
    }

    /// Whether a key is left out.
    pub(crate) fn hide(&self, key: &str) -> bool {
        let parts: Vec<&str> = key.split('/').collect();
        self.0.iter().rev().find(|pattern| pattern.fits(&parts)).is_some_and(|pattern| !pattern.shows)
    }
}

/// The lines of a text, as Go's scanner takes them: without what ends them, and up to one that is too long.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split('\n').take_while(|line| line.len() < LONGEST);
    lines.map(|line| line.strip_suffix('\r').unwrap_or(line))
}

impl Pattern {
    fn parse(line: &str) -> Self {
        let (shows, text) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (is_of_directories, text) = text.strip_suffix('/').map_or((false, text), |rest| (true, rest));
        Self { parts: text.split('/').map(str::to_owned).collect(), shows, is_of_directories }
    }

    fn fits(&self, key: &[&str]) -> bool {
        match self.parts.as_slice() {
            [name] => self.fits_a_name(name, key),
            parts => self.fits_the_beginning(parts, key),
        }
    }

    /// Whether the name of the object fits, or one above it.
    fn fits_a_name(&self, name: &str, key: &[&str]) -> bool {
        let fits = key.iter().position(|part| matches(name, part).unwrap_or(false));
        // What fits first counts, even where something else fits as well.
        fits.is_some_and(|at| !self.is_of_directories || at + 1 < key.len())
    }

    /// Whether the key begins with what fits one part of the pattern after the other.
    fn fits_the_beginning(&self, parts: &[String], key: &[&str]) -> bool {
        let (mut rest, mut has_fitted, mut skips) = (key, false, false);
        for (at, part) in parts.iter().enumerate() {
            match part.as_str() {
                "" => skips = false,
                ANY if at + 1 == parts.len() => break,
                ANY => skips = true,
                other if other.contains(ANY) => return false,
                other => {
                    let Some((first, behind)) = rest.split_first() else { return false };
                    let fits = |part: &str| matches(other, part).ok();
                    if !std::mem::take(&mut skips) {
                        if fits(first) != Some(true) {
                            return false;
                        }
                        (rest, has_fitted) = (behind, true);
                        continue;
                    }
                    let mut found = None;
                    for (place, part) in rest.iter().enumerate() {
                        match fits(part) {
                            None => return false,
                            Some(true) => {
                                found = Some(place);
                                break;
                            }
                            Some(false) => {}
                        }
                    }
                    has_fitted = found.is_some();
                    rest = found.and_then(|place| rest.get(place + 1..)).unwrap_or_default();
                }
            }
        }
        has_fitted && !(self.is_of_directories && rest.is_empty())
    }
}
