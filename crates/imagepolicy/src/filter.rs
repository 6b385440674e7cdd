//! Which tags count, and what of them is compared.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cowherd_pattern::{Limits, Regex};

use crate::InvalidPolicy;

/// The most bytes of memory that the regular expression of a filter may take.
const MAX_PATTERN: usize = 64 << 10;

/// Which tags count, and what of them is compared.
#[derive(Clone, Debug)]
pub struct Filter {
    pattern: Regex,
    extract: String,
}

impl Filter {
    /// A filter by a regular expression of Go; `extract` makes of a tag what is compared, of `$1` and `$name`, or leaves it as it is
    /// where it is empty.
    ///
    /// # Errors
    /// When it is no regular expression, or larger than one may be.
    pub fn new(pattern: &str, extract: &str) -> Result<Self, InvalidPolicy> {
        let invalid = |error: cowherd_pattern::PatternError| InvalidPolicy::Filter {
            pattern: pattern.to_owned(),
            cause: error.to_string(),
        };
        let compiled = Regex::new(pattern, Limits { bytes: MAX_PATTERN }).map_err(invalid)?;
        Ok(Self { pattern: compiled, extract: extract.to_owned() })
    }

    /// The tags that count, by what is compared of them. Of several that become the same the last counts.
    pub(crate) fn apply<'t>(&self, tags: impl Iterator<Item = &'t str>) -> BTreeMap<Cow<'t, str>, &'t str> {
        let word = |tag: &'t str| match self.extract.is_empty() {
            true => self.pattern.is_match(tag).then_some(Cow::Borrowed(tag)),
            false => self.pattern.expand(tag, &self.extract).map(Cow::Owned),
        };
        tags.filter_map(|tag| Some((word(tag)?, tag))).collect()
    }
}
