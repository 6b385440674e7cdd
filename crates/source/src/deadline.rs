//! A point in time by which a fetch must have come to an end.

use std::time::{Duration, Instant};

/// The end of a fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// `timeout` from now on.
    pub(crate) fn after(timeout: Duration) -> Self {
        // A timeout so large that it cannot be added means: never.
        let far = Duration::from_secs(60 * 60 * 24 * 365);
        let now = Instant::now();
        Self { at: now.checked_add(timeout).unwrap_or(now + far), timeout }
    }

    /// The time that is left; zero when it has passed.
    pub(crate) fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether no time is left.
    pub(crate) fn passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The whole time that was given.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}
