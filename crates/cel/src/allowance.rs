//! What compiling the expressions of one object may cost together.

use crate::lexer::Refusal;
use crate::meter::{Budget, Meter};
use crate::parser::LONGEST;

/// What finding out what is always the same may cost, patterns among it.
const CONSTANTS: Budget = Budget(100_000);

/// What the expressions that stand in one object may cost together when they are compiled: as much as one alone. However many they are,
/// it bounds the time that compiling them takes, and the memory in which they are kept.
#[derive(Debug)]
pub struct Allowance {
    /// How many characters are left.
    left: usize,
    pub(crate) constants: Meter,
}

/// As how many characters the smallest expression counts: it is as many values as a text of that length.
const SMALLEST: usize = 64;

impl Default for Allowance {
    fn default() -> Self {
        Self { left: LONGEST, constants: Meter::new(CONSTANTS) }
    }
}

impl Allowance {
    /// Takes what a text needs of it. One that is too long by itself is refused as that.
    pub(crate) fn take(&mut self, text: &str) -> Result<(), Refusal> {
        let length = text.chars().count();
        if length > LONGEST {
            return Ok(());
        }
        self.left = self.left.checked_sub(length.max(SMALLEST)).ok_or_else(|| {
            let message = format!(
                "with it the expressions of the object have more than the {LONGEST} characters that they may have"
            );
            Refusal::syntax(0, message)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileError, Expression};

    /// How many times it is compiled until it is too much, and what is said then.
    fn times(text: &str) -> (usize, CompileError) {
        let mut allowance = Allowance::default();
        for count in 0.. {
            if let Err(error) = Expression::parse_within(text, &mut allowance) {
                return (count, error);
            }
        }
        unreachable!()
    }

    #[test]
    fn what_is_compiled_for_one_object_is_bounded_together() {
        let pattern = |number: usize| format!("self.a.matches('a{{100}}{number}')");
        let patterns = |count: usize| (0..count).map(pattern).collect::<Vec<_>>().join(" && ");
        let (all, error) = times(&patterns(1));
        assert!((5..50).contains(&all), "{all}");
        assert!(error.to_string().ends_with("what of the expression is always the same costs too much"), "{error}");
        assert!(Expression::parse(&patterns(all)).is_ok() && Expression::parse(&patterns(all + 5)).is_err());
        assert_eq!(times("true").0, LONGEST / SMALLEST);
        let long = format!("'{}' == 'ä'", "ä".repeat(LONGEST / 3));
        let (count, error) = times(&long);
        assert_eq!(count, 2);
        assert!(error.to_string().contains("have more than the 100000 characters"), "{error}");
    }
}
