//! Objects that are gone, for as long as somebody might still hand in an old state of them.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How long the answer to a write may be under way after the watch has told of the object's end.
const MEMORY: Duration = Duration::from_secs(60);
/// How many are remembered at most.
const MOST: usize = 4096;

/// The uids of objects that went lately. A uid is never used again.
#[derive(Default)]
pub(super) struct Departed {
    uids: HashSet<String>,
    order: VecDeque<(Instant, String)>,
}

impl Departed {
    pub(super) fn insert(&mut self, uid: String) {
        let now = Instant::now();
        if self.uids.insert(uid.clone()) {
            self.order.push_back((now, uid));
        }
        while let Some((since, _)) = self.order.front()
            && (now - *since > MEMORY || self.order.len() > MOST)
        {
            if let Some((_, uid)) = self.order.pop_front() {
                self.uids.remove(&uid);
            }
        }
    }

    pub(super) fn contains(&self, uid: &str) -> bool {
        self.uids.contains(uid)
    }
}
