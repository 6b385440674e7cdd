//! Regular expressions of kustomizations, in Go's syntax, and what they cost: whoever writes them may mean ill.

use cowherd_pattern::{Limits, Regex};

use crate::kustomize::budget::Budget;

/// How large a compiled pattern may be, in bytes: one that nobody means ill with has few hundreds.
const LARGEST: usize = 256 << 10;

/// As how many bytes of the budget the smallest pattern counts: compiling it takes as long as reading them.
const COST: usize = 16 << 10;

/// As how many bytes of the budget it counts to look for a pattern in what an object says of itself.
const LOOK: usize = 16;

/// Why there is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is none.
    Invalid,
    /// It is too large, or the budget is used up: in words.
    TooMuch(String),
}

/// A pattern.
pub(crate) enum Pattern {
    /// One that means itself, as most do, anywhere in a text.
    Part(String),
    /// The same as a whole text.
    Whole(String),
    /// Any other.
    Regex(Regex),
}

impl Pattern {
    /// A pattern that may match anywhere in a text.
    pub(crate) fn anywhere(text: &str, budget: &Budget) -> Result<Self, Fault> {
        if means_itself(text) { Ok(Self::Part(text.to_owned())) } else { compile(text, budget).map(Self::Regex) }
    }

    /// A pattern that has to match a text as a whole.
    pub(crate) fn whole(text: &str, budget: &Budget) -> Result<Self, Fault> {
        if means_itself(text) {
            return Ok(Self::Whole(text.to_owned()));
        }
        compile(&format!("^(?:{text})$"), budget).map(Self::Regex)
    }

    /// Whether a text has a match.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => text.contains(part.as_str()),
            Self::Whole(whole) => text == whole,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn means_itself(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b':' | b' '))
}

/// Compiles a pattern, which is charged to the budget by its size.
fn compile(text: &str, budget: &Budget) -> Result<Regex, Fault> {
    budget.write(COST.saturating_add(text.len())).map_err(Fault::TooMuch)?;
    let compiled = Regex::new(text, Limits { bytes: LARGEST }).map_err(|error| match error.is_too_large() {
        true => Fault::TooMuch(format!("a pattern has more than {} KiB when it is compiled", LARGEST >> 10)),
        false => Fault::Invalid,
    })?;
    budget.write(COST.saturating_mul(compiled.weight())).map_err(Fault::TooMuch)?;
    Ok(compiled)
}

/// Charges to the budget that so many objects are looked at.
pub(crate) fn look_at(objects: usize, budget: &Budget) -> Result<(), String> {
    budget.write(objects.saturating_mul(LOOK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_itself_matches_as_a_pattern_would() {
        let budget = Budget::new(1 << 20);
        for (text, of) in
            [("web", "a-web-app"), ("web", "web"), ("a/b", "x a/b"), ("", "x"), ("w.b", "web"), ("we", "WEB")]
        {
            let regex = compile(text, &budget).unwrap().is_match(of);
            assert_eq!(Pattern::anywhere(text, &budget).unwrap().is_match(of), regex, "{text:?} {of:?}");
            let regex = compile(&format!("^(?:{text})$"), &budget).unwrap().is_match(of);
            assert_eq!(Pattern::whole(text, &budget).unwrap().is_match(of), regex, "{text:?} {of:?}");
        }
        assert!(matches!(Pattern::whole("a.b", &budget), Ok(Pattern::Regex(_))));
        let spent = Budget::new(0);
        assert!(Pattern::anywhere("web", &spent).is_ok() && Pattern::anywhere("w.b", &spent).is_err());
    }

    #[test]
    fn large_patterns_and_many_of_them_are_refused() {
        let budget = Budget::new(256 << 20);
        assert!(compile("c.*|x", &budget).unwrap().is_match("abc"));
        assert_eq!(compile("(", &budget).unwrap_err(), Fault::Invalid);
        let Fault::TooMuch(said) = compile("((\\pL{100}){100}){100}", &budget).unwrap_err() else {
            panic!("it is none")
        };
        assert!(said.contains("KiB when it is compiled"), "{said}");
        let count = (0..20_000).take_while(|number| compile(&format!("\\pL{{5}}{number}"), &budget).is_ok()).count();
        assert!((100..5_000).contains(&count), "{count}");
    }
}
