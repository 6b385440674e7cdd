//! Version ranges as Helm and Flux read them, and the highest of the tags in one.

use std::fmt;

use cowherd_version::{Constraint, Version};

/// A range of versions: comparisons joined by spaces or commas, alternatives joined by `||`.
///
/// Understood are `=`, `!=`, `>`, `<`, `>=`, `<=`, `~`, `^`, wildcards (`1.2.x`, `*`) and `1.2 - 1.4`. A version
/// with a pre-release is only in a range in which a pre-release is written: `>=1.0.0-0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    text: String,
    constraint: Constraint,
}

/// Why a text is no range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version range {range:?} is not valid: {part:?} is no comparison; write for example \">=1.2.0 <2.0.0\"")]
pub struct RangeError {
    range: String,
    part: String,
}

impl Range {
    /// Reads a range.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let constraint = Constraint::parse(text)
            .map_err(|error| RangeError { range: text.to_owned(), part: error.0.trim().to_owned() })?;
        Ok(Self { text: text.to_owned(), constraint })
    }

    /// Whether `version` is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.constraint.allows(version)
    }

    /// The one of `tags` that names the highest version in the range.
    pub fn highest<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        tags.into_iter()
            .filter_map(|tag| tag_version(tag).map(|version| (version, tag)))
            .filter(|(version, _)| self.contains(version))
            .max_by(|(a, tag_a), (b, tag_b)| a.compare(b).then_with(|| tag_a.cmp(tag_b)))
            .map(|(_, tag)| tag)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The version that a tag names: `1.2.3` or `v1.2.3`, all three parts written.
fn tag_version(tag: &str) -> Option<Version> {
    Version::parse_strict(tag.strip_prefix('v').unwrap_or(tag)).ok()
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
