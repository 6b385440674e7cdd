//! Work that blocks its thread: renders and fetches.

use anyhow::{Result, anyhow};

/// Does it on a thread of its own.
///
/// # Errors
/// When it panics, which is a bug.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| anyhow!("this is a bug in cowherd: {}", cowherd_runtime::broken_off(error)))
}
