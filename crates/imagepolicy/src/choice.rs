//! Which of the tags of an image is the latest.

use std::borrow::Cow;

use cowherd_version::{Constraint, Version};

use crate::Filter;
use crate::number;

/// What makes one tag later than another.
#[derive(Clone, Debug)]
pub enum Policy {
    /// The highest version in a range.
    SemVer(Constraint),
    /// The last text, or the first.
    Alphabetical(Order),
    /// The largest number, or the smallest.
    Numerical(Order),
}

/// Which end of an order is the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last.
    #[default]
    Ascending,
    /// The first.
    Descending,
}

/// Why a policy is none, in Flux's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// It names no way to choose.
    #[error("given ImagePolicyChoice object is invalid; write semver, alphabetical or numerical below spec.policy")]
    Nothing,
    /// The range of versions is none.
    #[error("improper constraint: {0:?}; write for example \">=1.2.0 <2.0.0\"")]
    Range(String),
    /// The order is none.
    #[error("invalid order argument provided: '{0}', must be one of: ASC, DESC")]
    Order(String),
    /// The filter is no regular expression.
    #[error("failed to filter tags: invalid regular expression pattern '{pattern}': {cause}")]
    Filter {
        /// What was written.
        pattern: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// Why no tag is the latest, in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLatest {
    /// There are no tags, or none fits the filter.
    #[error("version list argument cannot be empty")]
    Empty,
    /// No tag is a version in the range.
    #[error("unable to determine latest version from provided list")]
    OutOfRange,
    /// A tag is no number.
    #[error("failed to parse invalid numeric value '{0}'")]
    NotANumber(String),
    /// Nobody waits for it any more.
    #[error("it took too long to look at all tags")]
    BrokenOff,
}

impl Order {
    /// `asc` or `desc`, in any case; ascending where nothing is said.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        match text.to_uppercase().as_str() {
            "" | "ASC" => Ok(Self::Ascending),
            "DESC" => Ok(Self::Descending),
            other => Err(InvalidPolicy::Order(other.to_owned())),
        }
    }
}

impl Policy {
    /// The highest version in a range.
    ///
    /// # Errors
    /// When it is no range.
    pub fn semver(range: &str) -> Result<Self, InvalidPolicy> {
        Constraint::parse(range).map(Self::SemVer).map_err(|_| InvalidPolicy::Range(range.to_owned()))
    }

    /// The latest of the tags that the filter lets through. What is equal is chosen alike whatever order the tags come in. A filter
    /// may take its time for each tag, so it is looked at them for as long as `goes_on`.
    ///
    /// # Errors
    /// When there is none, or it does not go on.
    pub fn latest<'t>(
        &self,
        filter: Option<&Filter>,
        tags: impl IntoIterator<Item = &'t str>,
        goes_on: impl Fn() -> bool,
    ) -> Result<&'t str, NoLatest> {
        let mut tags: Vec<&str> = tags.into_iter().collect();
        tags.sort_unstable_by(|a, b| b.cmp(a));
        let mut candidates: Vec<(Cow<'t, str>, &'t str)> = match filter {
            None => tags.into_iter().map(|tag| (Cow::Borrowed(tag), tag)).collect(),
            Some(filter) => filter.apply(tags.into_iter().take_while(|_| goes_on())).into_iter().collect(),
        };
        if !goes_on() {
            return Err(NoLatest::BrokenOff);
        }
        candidates.sort_by(|(a, _), (b, _)| b.cmp(a));
        if candidates.is_empty() {
            return Err(NoLatest::Empty);
        }
        let mut words = candidates.iter().map(|(word, tag)| (word.as_ref(), *tag));
        match self {
            Self::SemVer(range) => highest(range, words),
            Self::Alphabetical(Order::Ascending) => words.next().map(|(_, tag)| tag).ok_or(NoLatest::Empty),
            Self::Alphabetical(Order::Descending) => words.next_back().map(|(_, tag)| tag).ok_or(NoLatest::Empty),
            Self::Numerical(order) => largest(*order, words),
        }
    }
}

/// The first of the highest versions in the range.
fn highest<'w, 't>(range: &Constraint, words: impl Iterator<Item = (&'w str, &'t str)>) -> Result<&'t str, NoLatest> {
    let mut latest: Option<(Version, &'t str)> = None;
    for (word, tag) in words {
        // All three parts have to be written, behind a `v` or not.
        let Ok(version) = Version::parse_strict(word.strip_prefix('v').unwrap_or(word)) else { continue };
        let is_later = || latest.as_ref().is_none_or(|(highest, _)| version.compare(highest).is_gt());
        if range.allows(&version) && is_later() {
            latest = Some((version, tag));
        }
    }
    latest.map(|(_, tag)| tag).ok_or(NoLatest::OutOfRange)
}

/// The last of the largest numbers, or of the smallest, as Flux compares them: what is no number compares with nothing.
fn largest<'w, 't>(order: Order, words: impl Iterator<Item = (&'w str, &'t str)>) -> Result<&'t str, NoLatest> {
    let mut latest: Option<(f64, &'t str)> = None;
    for (word, tag) in words {
        let number = number::parse(word).ok_or_else(|| NoLatest::NotANumber(word.to_owned()))?;
        let is_earlier = |before: f64| match order {
            Order::Ascending => number < before,
            Order::Descending => number > before,
        };
        if latest.is_none_or(|(before, _)| !is_earlier(before)) {
            latest = Some((number, tag));
        }
    }
    latest.map(|(_, tag)| tag).ok_or(NoLatest::Empty)
}
