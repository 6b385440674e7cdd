//! Panics, which are bugs, are caught where they can be told apart from the rest.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use tokio::task::JoinError;

/// Awaits a future; what may be told of its panic, if it panics.
///
/// What the future shared with others must be sound after a panic: the locks of this crate ignore poison, since no
/// code between locking and unlocking leaves a half-made state.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| text(panic.as_ref()))
}

/// How a task ended that did not end by itself, as far as that may be told.
pub fn broken_off(error: JoinError) -> String {
    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| text(panic.as_ref()))
}

/// Calls a function; what may be told of its panic, if it panics.
pub fn caught_call<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| text(panic.as_ref()))
}

/// What a panic says, where these are words of the program itself. What was put together may hold anything that was read, the
/// values of Secrets too.
fn text(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.unwrap_or_else(|| "what it says may hold what was read, and is not told".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_panic_only_the_words_of_the_program_are_told() {
        let value = std::hint::black_box("hunter2secret");
        let told = caught(async { panic!("cannot read {value}") }).await.map(|()| String::new()).unwrap_err();
        assert!(!told.contains(value), "{told}");
        let task = tokio::spawn(async move { panic!("cannot read {value}") });
        let told = broken_off(task.await.unwrap_err());
        assert!(!told.contains(value), "{told}");
        let told = caught(async { panic!("no reader is left") }).await.map(|()| String::new()).unwrap_err();
        assert_eq!(told, "no reader is left");
    }
}
