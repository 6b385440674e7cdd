//! What is written although the disk has no room: what makes room, and what takes none.
//!
//! Who deletes makes room, and who could not would have to make it behind the store's back. Leases and the marks of
//! deletions that wait change what is there and make it hardly larger. For these some room is kept ([`Reserve`]), and history
//! is forgotten once it is used, which is what gives room back: a value that was deleted is kept as long as history shows it.
//!
//! [`Reserve`]: super::reserve::Reserve

use std::time::{Duration, Instant};

use super::commit::{self, Outcome};
use super::compaction;
use super::writer::{Writer, Writes};
use crate::error::{Error, StorageFailure, WriteError};
use crate::model::{Action, Change, Revision};

/// By how many bytes a value may grow that counts as no larger: the mark of a deletion, another holder of a lease.
const GROWTH: usize = 512;
/// How many revisions are forgotten at first: forgetting takes some room itself. Each time it is twice as many.
const FIRST_STEP: u64 = 16;
/// For how long history is forgotten at a time, since others wait meanwhile.
const AT_ONCE: Duration = Duration::from_millis(200);

impl Writer {
    /// Of the writes that found no room, does those that take none with the room that is kept for them.
    /// `is_tried` says whether all of them were tried just now.
    pub(super) fn spare(&mut self, writes: &Writes, outcomes: &mut [Outcome], is_tried: bool) {
        if !self.reserve.is_wanted() {
            return;
        }
        let found_no_room: Vec<usize> = (0..writes.len()).filter(|at| is_full(&outcomes[*at])).collect();
        if found_no_room.is_empty() {
            return;
        }
        let spared: Vec<usize> = found_no_room.iter().copied().filter(|at| self.takes_none(writes[*at])).collect();
        if spared.is_empty() {
            return;
        }
        let part: Vec<&[Change]> = spared.iter().map(|at| writes[*at]).collect();
        let size = part.iter().map(|write| commit::size(write)).sum();
        // As they were tried, they have failed; with others gone, or with more room, they may not.
        let is_given_back = self.reserve.give_back();
        if is_given_back {
            self.made_room = 0;
        }
        let is_another_try = is_given_back || part.len() < writes.len() || !is_tried;
        if !is_another_try || self.failed_to_spare.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let began = Instant::now();
        let done = self.commit(&part, false);
        self.note(&part, &done, size, began.elapsed());
        if done.iter().any(is_full) {
            self.failed_to_spare = self.shared.trouble().as_ref().map(|trouble| trouble.until);
        }
        for (at, outcome) in spared.into_iter().zip(done) {
            outcomes[at] = outcome;
        }
    }

    /// Whether what the changes leave is hardly larger than what is there.
    fn takes_none(&self, changes: &[Change]) -> bool {
        let before = |key: &str| self.shared.read(|snapshot| snapshot.get(key));
        changes.iter().all(|change| match &change.action {
            Action::Delete | Action::Keep => true,
            Action::Put(value) => before(&change.key)
                .is_ok_and(|before| before.is_some_and(|before| value.len() <= before.value.len() + GROWTH)),
        })
    }

    /// Forgets history, as far as there is time.
    pub(super) fn forget(&mut self) {
        let (end, mut step) = (Instant::now() + AT_ONCE, FIRST_STEP);
        loop {
            let (head, compacted) = (self.shared.hub.head(), self.shared.hub.compacted());
            let target = compacted.saturating_add(step).min(head);
            // A failure is that of the next write.
            if compacted >= head || Instant::now() >= end || self.compact(Revision(target)).is_err() {
                return;
            }
            step = (step * 2).min(compaction::AT_ONCE);
        }
    }

    /// Why so many bytes are not written, since the room that was given back is for what takes none. As much as was forgotten
    /// since then may be: there is room for that within the file.
    pub(super) fn is_kept_for_others(&mut self, size: usize) -> Option<StorageFailure> {
        let failure = if self.reserve.is_lent() { self.take_reserve().err()? } else { return None };
        if size > self.made_room {
            return Some(failure);
        }
        self.made_room -= size;
        None
    }

    /// Takes the room again that is kept, once there is some.
    ///
    /// # Errors
    /// When there is none. Where it cannot be kept for another reason, none is kept.
    pub(super) fn take_reserve(&mut self) -> Result<(), StorageFailure> {
        let Err(error) = self.reserve.take() else { return Ok(()) };
        let failure =
            StorageFailure::new(self.shared.engine.path(), "keep room beside the store", &redb::Error::Io(error));
        if failure.is_full() {
            return Err(failure);
        }
        tracing::warn!(%failure, "no room is kept for when the disk is full");
        self.reserve.renounce();
        Ok(())
    }
}

/// Whether a write found no room.
fn is_full(outcome: &Outcome) -> bool {
    matches!(outcome, Err(WriteError::Store { error: Error::Storage(failure), .. }) if failure.is_full())
}
