//! A version: up to three numbers, a pre-release and metadata.

use std::cmp::Ordering;
use std::fmt;

/// A version. Two that differ only in their metadata are equal when compared with [`Version::compare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number; 0 where it is left out.
    pub minor: u64,
    /// The third number; 0 where it is left out.
    pub patch: u64,
    /// What follows `-`; empty for a release.
    pub pre: String,
    /// What follows `+`.
    pub metadata: String,
}

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It does not have the form of one.
    #[error("invalid semantic version")]
    Invalid,
    /// A number is too large.
    #[error("error parsing version segment: a number is too large")]
    TooLarge,
    /// A number of the pre-release starts with a zero.
    #[error("version segment starts with 0")]
    LeadingZero,
}

impl Version {
    /// The version that `text` says. Numbers may be missing from the end or start with zeros, and there may be a
    /// leading `v`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = match text.split_once('+') {
            Some((text, metadata)) => (text, Some(metadata)),
            None => (text, None),
        };
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        let mut parsed = [0; 3];
        for (count, number) in numbers.split('.').enumerate() {
            let slot = parsed.get_mut(count).ok_or(VersionError::Invalid)?;
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(VersionError::Invalid);
            }
            *slot = number.parse().map_err(|_| VersionError::TooLarge)?;
        }
        for identifiers in [pre, metadata].into_iter().flatten() {
            if !identifiers.split('.').all(is_identifier) {
                return Err(VersionError::Invalid);
            }
        }
        let starts_with_zero =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit());
        if pre.is_some_and(|pre| pre.split('.').any(starts_with_zero)) {
            return Err(VersionError::LeadingZero);
        }
        let [major, minor, patch] = parsed;
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Self { major, minor, patch, pre: owned(pre), metadata: owned(metadata) })
    }

    /// The version that `text` says as SemVer 2.0 has it: all three numbers, without a leading `v` or zeros.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        let version = Self::parse(text)?;
        // Whatever is looser is written differently.
        if version.to_string() == text { Ok(version) } else { Err(VersionError::Invalid) }
    }

    /// Which of the two is the later one. Metadata has no part in it.
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.as_str(), other.pre.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_pre(a, b),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Which of two pre-releases is the later one: numbers come before words, and more parts after fewer.
pub(super) fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or_default(), b.unwrap_or_default()),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            _ if a == b => Ordering::Equal,
            _ if a.is_empty() => Ordering::Less,
            _ if b.is_empty() => Ordering::Greater,
            (Ok(a), Ok(b)) => a.cmp(&b).then(Ordering::Less),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_loosely_is_not_strict() {
        for text in ["1.2.3", "1.2.3-rc.1+build.5", "0.0.0", "1.2.3-0a"] {
            assert!(Version::parse_strict(text).is_ok(), "{text}");
        }
        for text in ["v1.2.3", "1.2", "1", "01.2.3", "1.2.03"] {
            assert_eq!(Version::parse_strict(text), Err(VersionError::Invalid), "{text}");
            assert!(Version::parse(text).is_ok(), "{text}");
        }
        for text in ["", "1.2.3.4", "1.2.3-", "1.2.3+", "1.2.3-01", "a.b.c"] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }
}
