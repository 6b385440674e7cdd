//! What a view could not take in.

use std::{collections::BTreeSet, time::Duration};

use tokio::{sync::watch, time::Instant};

/// How long to wait before it is shown again, at first and at most: what it asks for costs a read of each of the keys.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The keys that a view could not take in as they are. It is shown them again until it can.
#[derive(Debug)]
pub(super) struct Missed {
    keys: watch::Sender<BTreeSet<String>>,
    /// When they are shown again, where there are any, and how long is waited if that is in vain.
    next: Instant,
    pause: Duration,
}

impl Missed {
    /// The view has taken in everything.
    pub(super) fn nothing() -> Self {
        Self { keys: watch::Sender::new(BTreeSet::new()), next: Instant::now(), pause: PAUSES.0 }
    }

    /// The keys from now on, for whoever tells of them.
    pub(super) fn told(&self) -> watch::Receiver<BTreeSet<String>> {
        self.keys.subscribe()
    }

    /// The keys as they are now.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.keys.borrow().clone()
    }

    /// The view was shown the key, and took it in or did not.
    pub(super) fn note(&mut self, key: &str, is_taken: bool) {
        let is_news = self.keys.send_if_modified(|keys| match is_taken {
            true => keys.remove(key),
            false => keys.insert(key.to_owned()),
        });
        if is_news && !is_taken {
            (self.next, self.pause) = (Instant::now() + PAUSES.0, PAUSES.0);
        }
    }

    /// Waits until the keys are to be shown again: forever where there are none.
    pub(super) async fn due(&self) {
        let has_none = self.keys.borrow().is_empty();
        if has_none {
            return std::future::pending().await;
        }
        tokio::time::sleep_until(self.next).await;
    }

    /// All were shown again. Those that are left wait longer.
    pub(super) fn shown(&mut self) {
        self.pause = (self.pause * 2).min(PAUSES.1);
        self.next = Instant::now() + self.pause;
    }
}
