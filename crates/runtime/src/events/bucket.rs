//! How much one controller may say about one object: a burst, then a little now and then.

use tokio::time::Instant;

const BURST: f64 = 25.0;
/// One more every five minutes.
const PER_SECOND: f64 = 1.0 / 300.0;

/// A bucket of tokens, which is full at first.
#[derive(Default)]
pub(super) struct Bucket(Option<(f64, Instant)>);

impl Bucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let tokens = match self.0 {
            Some((tokens, then)) => (tokens + (now - then).as_secs_f64() * PER_SECOND).min(BURST),
            None => BURST,
        };
        let allowed = tokens >= 1.0;
        self.0 = Some((if allowed { tokens - 1.0 } else { tokens }, now));
        allowed
    }
}
