//! How far an execution may go.

use std::sync::{Arc, LazyLock};

use super::{Execution, Result};
use crate::Error;
use crate::value::Value;

/// The bounds that keep a hostile or broken template from taking the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many templates may be executed inside each other.
    pub depth: usize,
    /// The most bytes that all templates together may write.
    pub output: usize,
    /// The most nodes and operands that may be evaluated. What functions read and make counts, too: so many bytes as
    /// one step.
    pub steps: u64,
}

impl Default for Limits {
    /// What no chart needs, and a machine bears.
    fn default() -> Self {
        Self { depth: 5_000, output: 256 * 1024 * 1024, steps: 100_000_000 }
    }
}

/// How many bytes of its arguments a function reads in the time of a step.
const READ_PER_STEP: usize = 16;

/// How many bytes a function makes for the price of a step: with the default limit, less than a gigabyte in all.
const MADE_PER_STEP: usize = 8;

impl<C> Execution<'_, C> {
    /// Counts a step.
    pub(super) fn step(&mut self) -> Result<()> {
        Ok(self.spend(1)?)
    }

    /// Counts what a function read and made, which can be far more than what it took to call it.
    pub(super) fn charge(&mut self, arguments: &[Value], result: &Value) -> Result<()> {
        let read: usize = arguments.iter().map(size).fold(0, usize::saturating_add);
        let made = made(result);
        Ok(self.spend((read / READ_PER_STEP).saturating_add(made / MADE_PER_STEP) as u64)?)
    }

    /// Counts as many steps as a function takes for something that its arguments do not show.
    pub fn spend(&mut self, steps: u64) -> Result<(), Error> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limits.steps {
            let message = format!("the templates take more than {} steps; is a range too long?", self.limits.steps);
            return Err(Error::Limit(message));
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

/// The bytes of a value that a function may look at, without what is inside.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
        // Few functions look at more of a map than one entry.
        _ => 0,
    }
}

/// The bytes of a value that was made; of one that was there before, and was only given, none.
fn made(value: &Value) -> usize {
    match value {
        Value::String(text) if text.is_shared() => 0,
        Value::List(list) if list.is_shared() => 0,
        Value::Map(map) if !map.is_shared() => map.len().saturating_mul(2 * size_of::<Value>()),
        value => size(value),
    }
}

/// The name of the variable that every template has.
pub(super) fn dollar() -> Arc<str> {
    static DOLLAR: LazyLock<Arc<str>> = LazyLock::new(|| "$".into());
    DOLLAR.clone()
}
