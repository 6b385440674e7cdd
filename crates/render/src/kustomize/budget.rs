//! How much a build may read and write.

use std::cell::Cell;

use crate::error::Cause;

/// The bytes that a build may read, each file as often as it is used, and write into objects from what it has read.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    left: Cell<usize>,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, left: Cell::new(limit) }
    }

    /// Counts `bytes`; an error where those are too many.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), Cause> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(Cause::TooMuch { what: "bytes read and written", limit: self.limit }),
        }
    }

    /// As [`Self::spend`], with the error in words.
    pub(crate) fn write(&self, bytes: usize) -> Result<(), String> {
        self.spend(bytes).map_err(|cause| cause.to_string())
    }

    /// Counts `bytes` as often as they are written.
    pub(crate) fn spend_on(&self, count: usize, bytes: usize) -> Result<(), Cause> {
        self.spend(count.saturating_mul(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone() {
        let budget = Budget::new(10);
        assert!(budget.spend(4).is_ok());
        assert!(budget.spend_on(2, 4).is_err());
        assert!(budget.spend_on(usize::MAX, 2).is_err());
        assert!(budget.spend_on(2, 3).is_ok());
        let error = budget.spend(1).expect_err("nothing is left").to_string();
        assert_eq!(error, "more than 10 bytes read and written; split the kustomization");
    }
}
