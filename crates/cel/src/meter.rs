//! What an evaluation may cost.

use crate::result::{Fault, Outcome};

/// How much an evaluation may do: a unit is a step, an element that is looked at or made, or 16 bytes of text. It bounds
/// the time of an evaluation and the memory that it takes alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Budget(pub u64);

impl Budget {
    /// What one expression may cost: as many units as Kubernetes gives to one.
    pub const EXPRESSION: Self = Self(1_000_000);
}

impl Default for Budget {
    fn default() -> Self {
        Self::EXPRESSION
    }
}

/// What is left of a budget.
#[derive(Debug)]
pub(crate) struct Meter {
    left: u64,
}

impl Meter {
    pub fn new(budget: Budget) -> Self {
        Self { left: budget.0 }
    }

    pub fn spend(&mut self, units: usize) -> Outcome<()> {
        match self.left.checked_sub(units as u64) {
            Some(left) => self.left = left,
            None => {
                self.left = 0;
                return Err(Fault::exhausted());
            }
        }
        Ok(())
    }

    pub fn spend_bytes(&mut self, bytes: usize) -> Outcome<()> {
        self.spend(bytes / 16)
    }
}
