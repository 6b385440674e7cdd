//! Several expressions that are looked for together.

use regex::RegexSetBuilder;

use crate::{DEEPEST, Limits, PatternError, STACK, refused, remembered, syntax};

/// Expressions that are compiled together: that any of them is found is found out in one go, with one memory. By default there
/// are none.
#[derive(Clone, Debug, Default)]
pub struct RegexSet(regex::RegexSet);

impl RegexSet {
    /// Compiles expressions. Where there are none, nothing is found.
    ///
    /// # Errors
    /// When one of them is none, or all of them together are larger than they may be.
    pub fn new<'s>(sources: impl IntoIterator<Item = &'s str>, limits: Limits) -> Result<Self, PatternError> {
        let translated: Vec<String> = sources.into_iter().map(syntax::translate).collect::<Result<_, _>>()?;
        let mut builder = RegexSetBuilder::new(&translated);
        builder.size_limit(limits.bytes).dfa_size_limit(remembered(0)).nest_limit(DEEPEST);
        let built = stacker::maybe_grow(STACK, 2 * STACK, || builder.build());
        built.map(Self).map_err(refused)
    }

    /// Whether a text has a match of any of them.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_is_found_and_all_of_them_have_one_limit() {
        let set = |sources: &[&str], bytes| RegexSet::new(sources.iter().copied(), Limits { bytes });
        let of_two = set(&[r"^\d+$", "(?i)ab"], 1 << 20).unwrap();
        assert!(of_two.is_match("42") && of_two.is_match("xABx") && !of_two.is_match("٤٢"));
        assert!(!set(&[], 1 << 20).unwrap().is_match(""));
        assert!(set(&["a("], 1 << 20).is_err_and(|error| !error.is_too_large()));
        let large = vec![r"\pL{3}"; 10];
        assert!(set(&large[..1], 256 << 10).is_ok());
        assert!(set(&large, 256 << 10).is_err_and(|error| error.is_too_large()));
    }
}
