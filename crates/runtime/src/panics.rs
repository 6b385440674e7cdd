//! Panics, which are bugs, are caught where they can be told apart from the rest.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

/// Awaits a future; the text of its panic, if it panics.
///
/// What the future shared with others must be sound after a panic: the locks of this crate ignore poison, since no
/// code between locking and unlocking leaves a half-made state.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| text(panic.as_ref()))
}

/// Calls a function; the text of its panic, if it panics.
pub(crate) fn caught_call<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| text(panic.as_ref()))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}
