//! Forgetting history, so that the file doesn't grow for ever.
//!
//! Compacting up to a revision removes the log up to there and the values that nothing shows any more: those that
//! were superseded or deleted by then. It runs in the same transaction as the writes that make it due, so it costs
//! no flush of its own, and an idle store doesn't wake up for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redb::{ReadableTable, WriteTransaction};

use super::layout::{LOG, META, META_COMPACTED, VALUES};
use super::options::Options;

/// The most revisions that are compacted along with one batch of writes, which wait for it.
pub(super) const AT_ONCE: u64 = 4096;

/// Decides when history is old enough.
pub(crate) struct Retention {
    events: u64,
    age: Duration,
    /// Where the store was at some moments of the past, oldest first, a bounded number of them.
    marks: VecDeque<(Instant, u64)>,
    /// The last revision that is known to be older than the age.
    old: u64,
}

impl Retention {
    /// History that was there when the store was opened counts as written then.
    pub(crate) fn new(options: &Options, now: Instant, revision: u64) -> Self {
        let marks = VecDeque::from([(now, revision)]);
        Self { events: options.history_events, age: options.history_age, marks, old: 0 }
    }

    /// Up to where to compact a store whose last write gets `revision`, if it is worth it yet; never beyond that write.
    pub(crate) fn due(&mut self, now: Instant, revision: u64, compacted: u64) -> Option<u64> {
        let target = self.too_many(revision, compacted).max(self.too_old(now)).min(revision);
        (target > compacted).then_some(target.min(compacted.saturating_add(AT_ONCE)))
    }

    /// Waits for some more than allowed, because a few rows at a time cost nearly as much as one.
    fn too_many(&self, revision: u64, compacted: u64) -> u64 {
        let slack = self.events / 16;
        if revision.saturating_sub(compacted) > self.events.saturating_add(slack) { revision - self.events } else { 0 }
    }

    fn too_old(&mut self, now: Instant) -> u64 {
        while let Some((at, revision)) = self.marks.front().copied()
            && now.saturating_duration_since(at) >= self.age
        {
            self.old = revision;
            self.marks.pop_front();
        }
        self.old
    }

    /// Notes where the store is. Only what was committed is: a revision that a failed write would have got may be that of
    /// a much later one.
    pub(crate) fn mark(&mut self, now: Instant, revision: u64) {
        let recent = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) < self.age / 32;
        if !self.marks.back().is_some_and(recent) {
            self.marks.push_back((now, revision));
        }
    }
}

/// Removes history up to `target`, which is not beyond the last revision. Gives up to where it is compacted then, and how many
/// bytes of values went with it.
pub(crate) fn compact(transaction: &WriteTransaction, target: u64) -> Result<(u64, usize), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    let compacted = meta.get(META_COMPACTED)?.map_or(0, |revision| revision.value());
    if target <= compacted {
        return Ok((compacted, 0));
    }
    let mut log = transaction.open_table(LOG)?;
    let mut superseded = Vec::new();
    for row in log.range(..=target)? {
        superseded.push(row?.1.value().0);
    }
    log.retain_in(..=target, |_, _| false)?;
    let (mut values, mut gone) = (transaction.open_table(VALUES)?, 0);
    for revision in superseded.into_iter().filter(|revision| *revision != 0) {
        gone += values.remove(revision)?.map_or(0, |value| value.value().len());
    }
    meta.insert(META_COMPACTED, target)?;
    Ok((target, gone))
}
