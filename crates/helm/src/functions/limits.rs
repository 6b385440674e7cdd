//! How much a single call may make, and how deep it may go.

use cowherd_template::{Fault, MAX_DEPTH};

/// The most bytes that a function may make of what is given.
pub(super) const MAX_TEXT: usize = 16 << 20;

/// The most items that a function may put into a list.
pub(super) const MAX_ITEMS: usize = 1_000_000;

/// What it takes to go one level deeper, and how much more stack there is when it is short.
const RED_ZONE: usize = 128 * 1024;
const STACK: usize = 1024 * 1024;

/// Refuses a text of that many bytes, if it is too long.
pub(super) fn check_text(length: usize) -> Result<(), Fault> {
    if length > MAX_TEXT {
        return Err(Fault::Message(format!("the text would be longer than {MAX_TEXT} bytes, which is the limit")));
    }
    Ok(())
}

/// Refuses a list of that many items, if it is too long.
pub(super) fn check_items(count: usize) -> Result<(), Fault> {
    if count > MAX_ITEMS {
        return Err(Fault::Message(format!("the list would have more than {MAX_ITEMS} items, which is the limit")));
    }
    Ok(())
}

/// Values hold each other too deep, or themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is nested more than {MAX_DEPTH} levels deep, or holds itself")]
pub(super) struct TooDeep;

impl From<TooDeep> for Fault {
    fn from(error: TooDeep) -> Self {
        Self::Message(error.to_string())
    }
}

/// Goes one level deeper into a value, with stack enough for it. `depth` counts the levels.
pub(super) fn deeper<T, E: From<TooDeep>>(depth: usize, step: impl FnOnce(usize) -> Result<T, E>) -> Result<T, E> {
    if depth >= MAX_DEPTH {
        return Err(TooDeep.into());
    }
    stacker::maybe_grow(RED_ZONE, STACK, || step(depth + 1))
}
