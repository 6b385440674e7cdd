//! Which events were told lately: the same again is told once in an interval.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// For how many events it is remembered at most that they were told. What is told beyond that may be told again.
const MOST: usize = 16 * 1024;

/// What was told lately.
pub(crate) struct Repeats {
    interval: Duration,
    told: HashMap<[u8; 32], Told>,
}

struct Told {
    /// When it was told first.
    since: Instant,
    /// In which interval since then it was told last.
    interval: u64,
}

impl Repeats {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, told: HashMap::new() }
    }

    /// Whether an event of this identity is to be told now. As with Flux, intervals count from when it was told first.
    pub(crate) fn admits(&mut self, identity: &str, now: Instant) -> bool {
        if self.interval.is_zero() {
            return true;
        }
        let digest: [u8; 32] = Sha256::digest(identity.as_bytes()).into();
        match self.told.get_mut(&digest) {
            Some(told) => {
                let current = number((now - told.since).as_nanos() / self.interval.as_nanos());
                let is_new = current > told.interval;
                told.interval = current;
                is_new
            }
            None => {
                self.make_room(now);
                self.told.insert(digest, Told { since: now, interval: 0 });
                true
            }
        }
    }

    /// Forgets what may be told again anyway, and where that is not enough what was told first.
    fn make_room(&mut self, now: Instant) {
        if self.told.len() < MOST {
            return;
        }
        let interval = self.interval;
        self.told.retain(|_, told| {
            let current = number((now - told.since).as_nanos() / interval.as_nanos());
            current <= told.interval
        });
        if self.told.len() >= MOST {
            let mut times: Vec<Instant> = self.told.values().map(|told| told.since).collect();
            times.sort_unstable();
            if let Some(middle) = times.get(times.len() / 2).copied() {
                self.told.retain(|_, told| told.since > middle);
            }
        }
    }
}

fn number(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_in_an_interval_that_counts_from_the_first_time() {
        let (mut repeats, start) = (Repeats::new(Duration::from_secs(300)), Instant::now());
        for (second, told) in
            [(0, true), (299, false), (450, true), (599, false), (601, true), (602, false), (1300, true)]
        {
            assert_eq!(repeats.admits("a", start + Duration::from_secs(second)), told, "{second}");
        }
        assert!(repeats.admits("b", start));
        let mut all = Repeats::new(Duration::ZERO);
        assert!(all.admits("a", start) && all.admits("a", start));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut repeats, start) = (Repeats::new(Duration::from_secs(300)), Instant::now());
        for number in 0..50_000u64 {
            assert!(repeats.admits(&number.to_string(), start + Duration::from_millis(number)));
            assert!(repeats.told.len() <= MOST);
        }
        assert!(!repeats.admits("49999", start + Duration::from_secs(50)));
    }
}
