//! Version ranges as Helm and Flux read them (those of Go's Masterminds/semver).

use std::cmp::Ordering;
use std::fmt;

use semver::Version;

/// A range of versions: comparisons joined by spaces or commas, alternatives joined by `||`.
///
/// Understood are `=`, `!=`, `>`, `<`, `>=`, `<=`, `~`, `^`, wildcards (`1.2.x`, `*`) and `1.2 - 1.4`. A version
/// with a pre-release is only in a range in which a pre-release is written: `>=1.0.0-0`.
#[derive(Clone, Debug)]
pub struct Range {
    text: String,
    alternatives: Vec<Vec<Comparison>>,
}

/// Why a text is no range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version range {range:?} is not valid: {part:?} is no comparison; write for example \">=1.2.0 <2.0.0\"")]
pub struct RangeError {
    range: String,
    part: String,
}

#[derive(Clone, Debug)]
struct Comparison {
    operator: Operator,
    version: Version,
    /// How many of major, minor and patch were written before the first wildcard.
    precision: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 12] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

impl Range {
    /// Reads a range.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = |part: &str| RangeError { range: text.to_owned(), part: part.to_owned() };
        let alternatives = text
            .split("||")
            .map(|part| comparisons(part).ok_or_else(|| error(part.trim())))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// Whether `version` is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| {
            let admits_pre = all.iter().any(|comparison| !comparison.version.pre.is_empty());
            (version.pre.is_empty() || admits_pre) && all.iter().all(|comparison| comparison.admits(version))
        })
    }

    /// The one of `tags` that names the highest version in the range.
    pub fn highest<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        tags.into_iter()
            .filter_map(|tag| tag_version(tag).map(|version| (version, tag)))
            .filter(|(version, _)| self.contains(version))
            .max_by(|(a, tag_a), (b, tag_b)| a.cmp_precedence(b).then_with(|| tag_a.cmp(tag_b)))
            .map(|(_, tag)| tag)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Range {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Range {}

/// The version that a tag names: `1.2.3` or `v1.2.3`, all three parts written.
fn tag_version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// The version that a text names, as charts write theirs: `v1.2` is `1.2.0`.
pub(crate) fn loose_version(text: &str) -> Option<Version> {
    let (version, precision) = partial_version(text, false)?;
    (precision > 0).then_some(version)
}

/// The version that begins with what is written, and how many of its numbers are written.
fn partial_version(text: &str, wildcards: bool) -> Option<(Version, usize)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, suffix) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let mut parts = [0_u64; 3];
    let mut precision = 0;
    let mut wild = false;
    for (index, number) in numbers.split('.').enumerate() {
        let part = parts.get_mut(index)?;
        if wildcards && matches!(number, "x" | "X" | "*") {
            wild = true;
        } else if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        } else {
            // What follows a wildcard is read, and does not count.
            let number = number.parse().ok()?;
            if !wild {
                *part = number;
                precision += 1;
            }
        }
    }
    let [major, minor, patch] = parts;
    let version = Version::parse(&format!("{major}.{minor}.{patch}{suffix}")).ok()?;
    Some((version, precision))
}

/// The comparisons of one alternative: one at least between two commas.
fn comparisons(text: &str) -> Option<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for part in text.split(',') {
        let before = comparisons.len();
        let words: Vec<&str> = part.split_whitespace().collect();
        let mut rest = words.as_slice();
        loop {
            rest = match rest {
                [] => break,
                [from, "-", to, rest @ ..] => {
                    comparisons.push(Comparison::parse(Operator::GreaterOrEqual, from)?);
                    comparisons.push(Comparison::parse(Operator::LessOrEqual, to)?);
                    rest
                }
                // The operator may stand apart from its version.
                [word, version, rest @ ..] if OPERATORS.iter().any(|(sign, _)| !sign.is_empty() && sign == word) => {
                    comparisons.push(comparison(&format!("{word}{version}"))?);
                    rest
                }
                [word, rest @ ..] => {
                    comparisons.push(comparison(word)?);
                    rest
                }
            };
        }
        if comparisons.len() == before {
            return None;
        }
    }
    Some(comparisons)
}

fn comparison(word: &str) -> Option<Comparison> {
    let (sign, operator) = OPERATORS.iter().find(|(sign, _)| word.starts_with(sign))?;
    Comparison::parse(*operator, &word[sign.len()..])
}

impl Comparison {
    fn parse(operator: Operator, text: &str) -> Option<Self> {
        let (version, precision) = partial_version(text, true)?;
        Some(Self { operator, version, precision })
    }

    fn admits(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.version);
        // What was not written stands for anything: `>1.2` begins after every 1.2.x, `<=1.2` ends after them.
        let partial = matches!(self.precision, 1 | 2);
        let same_written_part = partial && self.shares(version, self.precision);
        match self.operator {
            Operator::Equal if self.precision < 3 => self.tilde(version),
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual if partial => !same_written_part,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::Greater => order == Ordering::Greater && !same_written_part,
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            // A wildcard alone is zero here, as it is for Helm.
            Operator::LessOrEqual if self.precision == 0 => (version.major, version.minor) == (0, 0),
            Operator::LessOrEqual => order != Ordering::Greater || same_written_part,
            Operator::Tilde => self.tilde(version),
            Operator::Caret => order != Ordering::Less && self.shares(version, self.leading()),
        }
    }

    /// The same major and, where it is written, minor number. A wildcard alone and `0.0.0` stand for all versions.
    fn tilde(&self, version: &Version) -> bool {
        let zero = (self.version.major, self.version.minor, self.version.patch) == (0, 0, 0);
        let all = zero && matches!(self.precision, 0 | 3);
        version.cmp_precedence(&self.version) != Ordering::Less
            && (all || self.shares(version, self.precision.clamp(1, 2)))
    }

    /// Whether the first `count` numbers of `version` are those written here.
    fn shares(&self, version: &Version, count: usize) -> bool {
        let numbers = |version: &Version| [version.major, version.minor, version.patch];
        numbers(version).iter().zip(numbers(&self.version)).take(count).all(|(a, b)| *a == b)
    }

    /// How many numbers `^` holds fast: up to the first that is not zero, of those that are written.
    fn leading(&self) -> usize {
        let numbers = [self.version.major, self.version.minor, self.version.patch];
        let nonzero = numbers.iter().position(|number| *number != 0).map_or(3, |index| index + 1);
        // A wildcard alone is 0.0.0, as it is for Helm.
        if self.precision == 0 { 3 } else { nonzero.min(self.precision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_they_mean_to_flux() {
        for (range, inside, outside) in [
            ("1.2.3", &["1.2.3", "1.2.3+build"][..], &["1.2.4", "1.2.3-rc.1"][..]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0"]),
            ("1.x", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.0"]),
            ("*", &["0.0.1", "9.9.9"], &["1.0.0-rc.1"]),
            (">=1.0.0", &["1.0.0", "3.0.0"], &["0.9.9", "1.0.1-rc.1"]),
            (">=1.0.0-0", &["1.0.0-rc.1", "1.0.1-rc.1", "2.0.0"], &["0.9.9"]),
            (">= 1.0.0-0 < 2.0.0", &["1.5.0-beta.1", "1.9.0"], &["2.0.0"]),
            (">1.2", &["1.3.0"], &["1.2.9"]),
            ("<=1.2", &["1.2.9", "1.0.0"], &["1.3.0"]),
            ("!=1.2.x", &["1.3.0"], &["1.2.1"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~1", &["1.0.0", "1.9.0"], &["2.0.0"]),
            ("^1.2.3", &["1.2.3", "1.9.0"], &["2.0.0", "1.2.2"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^0", &["0.9.0"], &["1.0.0"]),
            ("1.2 - 1.4.5", &["1.2.0", "1.4.5"], &["1.4.6", "1.1.9"]),
            ("<1.0.0 || >=2.0.0", &["0.9.0", "2.0.0"], &["1.5.0"]),
            (">=1.0.0, <1.5.0", &["1.4.9"], &["1.5.0"]),
            ("v1.2.3", &["1.2.3"], &["1.2.4"]),
        ] {
            let parsed = Range::parse(range).unwrap();
            let contains = |version: &&&str| parsed.contains(&Version::parse(version).unwrap());
            assert_eq!(inside.iter().filter(|v| !contains(v)).count(), 0, "{range} lacks one of {inside:?}");
            assert_eq!(outside.iter().filter(contains).count(), 0, "{range} holds one of {outside:?}");
        }
    }

    #[test]
    fn the_highest_tag_wins_and_other_tags_do_not_count() {
        let tags = ["v1.9.0", "v1.10.0", "v2.0.0-rc.1", "nightly", "v1", "1.2"];
        assert_eq!(Range::parse("*").unwrap().highest(tags), Some("v1.10.0"));
        assert_eq!(Range::parse(">=1.0.0-0").unwrap().highest(tags), Some("v2.0.0-rc.1"));
        assert_eq!(Range::parse(">=3").unwrap().highest(tags), None);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "latest", ">=", "1.2.3.4", "1 ||", "^-1", ">=1,,<2", ">=1,", ",1", "1x", ">=1.0.0<2.0.0"] {
            assert!(Range::parse(text).is_err(), "{text:?}");
        }
    }
}
