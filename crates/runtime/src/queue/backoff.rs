//! How long to wait after a failure.

use std::time::Duration;

/// Delays that double with each failure in a row, from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first: Duration,
    /// The longest delay.
    pub last: Duration,
    /// What part of a delay is left to chance, from 0 to 1, so that what failed together is not tried together.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(5), last: Duration::from_secs(60), jitter: 0.2 }
    }
}

impl Backoff {
    /// The delay after so many failures before this one. It is never longer than `last`, and shorter than it would
    /// be without chance by `jitter` at most.
    pub fn delay(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(self.last);
        doubled.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_last_and_chance_takes_its_part_at_most() {
        let backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(10), jitter: 0.5 };
        for (failures, seconds) in [(0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (31, 10.0), (u32::MAX, 10.0)] {
            let delay = backoff.delay(failures).as_secs_f64();
            assert!(delay <= seconds && delay >= seconds / 2.0, "{failures} failures: {delay}");
        }
    }
}
