//! How far an execution may go.

use std::sync::{Arc, LazyLock};

use super::{Execution, Result};
use crate::Error;

/// The bounds that keep a hostile or broken template from taking the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many templates may be executed inside each other.
    pub depth: usize,
    /// The most bytes that all templates together may write.
    pub output: usize,
    /// The most nodes and operands that may be evaluated.
    pub steps: u64,
}

impl Default for Limits {
    /// What no chart needs, and a machine bears.
    fn default() -> Self {
        Self { depth: 5_000, output: 256 * 1024 * 1024, steps: 100_000_000 }
    }
}

impl<C> Execution<'_, C> {
    /// Counts a step.
    pub(super) fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            let message = format!("the templates take more than {} steps; is a range too long?", self.limits.steps);
            return Err(Error::Limit(message).into());
        }
        Ok(())
    }

    /// Fails where one more template inside of the others would be too many.
    pub(super) fn check_depth(&self) -> Result<()> {
        if self.depth >= self.limits.depth {
            return Err(self.fail(format!("exceeded maximum template depth ({})", self.limits.depth)));
        }
        Ok(())
    }

    /// Counts what is written.
    pub(super) fn count(&mut self, bytes: usize) -> Result<()> {
        self.written += bytes;
        if self.written > self.limits.output {
            let message = format!("the templates write more than {} bytes", self.limits.output);
            return Err(Error::Limit(message).into());
        }
        Ok(())
    }
}

/// The name of the variable that every template has.
pub(super) fn dollar() -> Arc<str> {
    static DOLLAR: LazyLock<Arc<str>> = LazyLock::new(|| "$".into());
    DOLLAR.clone()
}
