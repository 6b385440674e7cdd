//! Commits that were not received, and how soon it is tried again.
//!
//! What a server sends for a commit and is more than is accepted would be more the next time, too: it is asked for again when the
//! reference stands elsewhere. That is believed of an answer that came whole. One that was garbled on its way may look like anything: it
//! is asked for again, and less often than its interval says if that goes on. Nothing of it is written down.

use std::time::{Duration, Instant};

use gix::ObjectId;

use crate::FetchError;

/// How many commits are remembered.
const REMEMBERED: usize = 64;
/// For how long a commit that is more than is accepted is not asked for again.
const BELIEVED: Duration = Duration::from_secs(12 * 60 * 60);
/// How many failures of another kind cost no pause: whoever asks makes one of their own.
const FREE: u32 = 6;
/// The first pause after more of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(75);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// What was asked for: a commit, the most bytes that may be received and that an object may have, and the time that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) id: ObjectId,
    pub(super) max_size: u64,
    pub(super) max_unpacked: usize,
    pub(super) timeout: Duration,
    /// For whom, where others may have room for it.
    pub(super) namespace: Option<String>,
}

/// The commits of a repository that were not received.
#[derive(Default)]
pub(super) struct Refused(Vec<Refusal>);

struct Refusal {
    asked: Asked,
    error: FetchError,
    failures: u32,
    until: Instant,
}

impl Refused {
    /// Why it is not asked for `now`, if it is not.
    pub(super) fn of(&self, asked: &Asked, now: Instant) -> Option<FetchError> {
        let refusal = self.0.iter().find(|refusal| refusal.asked == *asked && now < refusal.until)?;
        Some(refusal.error.clone())
    }

    /// Notes that it was not received. `is_whole` says that the answer came as the server wrote it.
    pub(super) fn note(&mut self, asked: Asked, error: &FetchError, is_whole: bool, now: Instant) {
        let known = self.0.iter().position(|refusal| refusal.asked == asked).map(|at| self.0.remove(at));
        let failures = known.map_or(0, |refusal| refusal.failures) + 1;
        let pause = match is_whole && error.is_of_content() {
            true => BELIEVED,
            false if failures < FREE => Duration::ZERO,
            false => (FIRST_PAUSE * 2_u32.saturating_pow((failures - FREE).min(16))).min(LONGEST_PAUSE),
        };
        if self.0.len() >= REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(Refusal { asked, error: error.clone(), failures, until: now + pause });
    }

    /// It was received, or somebody wants to know it again.
    pub(super) fn forget(&mut self, id: ObjectId) {
        self.0.retain(|refusal| refusal.asked.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RepositoryUrl;

    fn asked(byte: u8) -> Asked {
        Asked {
            id: ObjectId::from_bytes_or_panic(&[byte; 20]),
            max_size: 1,
            max_unpacked: 1,
            timeout: FIRST_PAUSE,
            namespace: None,
        }
    }

    fn large() -> FetchError {
        FetchError::LargeObject { url: RepositoryUrl::parse("https://example.com/fleet").unwrap(), limit: 1 }
    }

    #[test]
    fn what_came_whole_is_believed_until_somebody_asks_and_what_may_be_garbled_is_not() {
        let (mut refused, now) = (Refused::default(), Instant::now());
        let hour = Duration::from_secs(3600);
        refused.note(asked(1), &large(), true, now);
        refused.note(asked(2), &large(), false, now);
        let other = Asked { namespace: Some("team".to_owned()), ..asked(1) };
        assert!(refused.of(&asked(1), now + hour).is_some());
        assert!(refused.of(&asked(2), now).is_none() && refused.of(&other, now).is_none());
        assert!(refused.of(&Asked { max_unpacked: 2, ..asked(1) }, now).is_none(), "more is accepted now");
        assert!(refused.of(&asked(3), now).is_none(), "the reference stands elsewhere");
        refused.forget(asked(1).id);
        assert!(refused.of(&asked(1), now).is_none());
    }

    #[test]
    fn what_fails_again_and_again_is_asked_for_less_and_less_often() {
        let (mut refused, mut now) = (Refused::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..12 {
            refused.note(asked(1), &large(), false, now);
            let pause = refused.0[0].until - now;
            assert_eq!(refused.of(&asked(1), now + pause / 2).is_some(), !pause.is_zero());
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [0, 0, 0, 0, 0, 75, 150, 300, 600, 600, 600, 600]);
    }

    #[test]
    fn a_server_that_offers_another_commit_each_time_fills_no_memory() {
        let mut refused = Refused::default();
        (0..=255).for_each(|byte| refused.note(asked(byte), &large(), true, Instant::now()));
        assert_eq!(refused.0.len(), REMEMBERED);
        assert!(refused.of(&asked(255), Instant::now()).is_some());
    }
}
