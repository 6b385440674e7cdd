//! The thread that writes.
//!
//! It takes everything that waits, writes it in one transaction, flushes the disk once, and only then answers and
//! tells the watchers. While it does, the next ones gather: the slower the disk, the larger the batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::commit::{self, Outcome};
use super::compaction::{self, Retention};
use super::engine::guarded;
use super::layout::PROBE;
use super::reserve::Reserve;
use super::{Shared, Trouble};
use crate::error::{Error, StorageFailure, WriteError};
use crate::model::{Change, Event, Revision};

/// What the writer is asked for.
pub(crate) enum Command {
    /// Make all of these changes or none.
    Write(Vec<Change>, oneshot::Sender<Outcome>),
    /// Forget history up to a revision.
    Compact(Revision, oneshot::Sender<Result<(), Error>>),
    /// Find out whether something can be written again, where something could not.
    Probe(oneshot::Sender<Result<(), Error>>),
    /// Open the file again, unless that was done since a reader met an error in this generation of it.
    Recover(u64, oneshot::Sender<Result<(), Error>>),
    /// Close the store.
    Close(oneshot::Sender<()>),
}

/// The most that is written in one transaction.
const BATCH_WRITES: usize = 1024;
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How many bytes a piece of a probe has.
const PROBE_BYTES: usize = 16 * 1024;

/// For how long a write that found no room is not tried again, in the time that the attempt took; at most.
const PAUSE: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Writes that are done in one transaction.
pub(super) type Writes<'a> = [&'a [Change]];

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) retention: Retention,
    /// Room for what is written although there is none.
    pub(crate) reserve: Reserve,
    /// How many bytes were forgotten since the reserve was given back, and not written again.
    pub(crate) made_room: usize,
    /// Until when nothing of that is tried, since it failed.
    pub(crate) failed_to_spare: Option<Instant>,
}

/// A transaction that was committed.
struct Committed {
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
    compacted: Option<u64>,
}

/// A transaction that failed.
struct Failed {
    error: redb::Error,
    /// What it would have come to, if the disk failed only when committing: it may have happened.
    tried: Option<Box<Committed>>,
}

impl Writer {
    /// Serves until the store is closed or nobody has it any more.
    pub(crate) fn run(mut self) {
        let mut next = None;
        while let Some(command) = next.take().or_else(|| self.wait()) {
            if let Command::Close(reply) = command {
                self.close();
                let _ = reply.send(());
                return;
            }
            // What panics is the failure of this command. Whoever waits for it is told that nobody knows what came of it.
            match catch_unwind(AssertUnwindSafe(|| self.serve(command))) {
                Ok(then) => next = then,
                Err(_) => drop(catch_unwind(AssertUnwindSafe(|| self.recover()))),
            }
        }
    }

    /// Does what is asked. Gives the command that came next, where that is known already.
    fn serve(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::Write(write, reply) => return self.write((write, reply)),
            Command::Compact(revision, reply) => {
                let _ = reply.send(self.compact(revision));
            }
            Command::Probe(reply) => {
                let _ = reply.send(self.probe());
            }
            Command::Recover(generation, reply) => {
                let _ = reply.send(self.recover_from(generation));
            }
            Command::Close(_) => {}
        }
        None
    }

    fn close(&mut self) {
        self.commands.close();
        self.shared.engine.close();
        self.shared.hub.close();
    }

    /// Writes what waits. Gives the command that came next, if it is another one.
    fn write(&mut self, first: (Vec<Change>, oneshot::Sender<Outcome>)) -> Option<Command> {
        let mut size = commit::size(&first.0);
        let (mut writes, mut replies) = (vec![first.0], vec![first.1]);
        let mut next = None;
        while next.is_none() && writes.len() < BATCH_WRITES && size < BATCH_BYTES {
            match self.commands.try_recv() {
                Ok(Command::Write(write, reply)) => {
                    size += commit::size(&write);
                    writes.push(write);
                    replies.push(reply);
                }
                Ok(command) => next = Some(command),
                Err(_) => break,
            }
        }
        let writes: Vec<&[Change]> = writes.iter().map(Vec::as_slice).collect();
        for (reply, outcome) in replies.into_iter().zip(self.outcomes(&writes, size)) {
            // Whoever stopped waiting doesn't hear of it.
            let _ = reply.send(outcome);
        }
        next
    }

    /// Writes so many bytes, or what of it takes no room where there is none.
    fn outcomes(&mut self, writes: &Writes, size: usize) -> Vec<Outcome> {
        if let Some(failure) = self.shared.engine.lost("write to the store") {
            return refuse(writes, &failure.into());
        }
        let known = self.is_kept_for_others(size).or_else(|| self.known_to_fail(size));
        let is_tried = known.is_none();
        let mut outcomes = match known {
            Some(failure) => refuse(writes, &failure.into()),
            None => {
                let began = Instant::now();
                let outcomes = self.commit(writes, true);
                self.note(writes, &outcomes, size, began.elapsed());
                outcomes
            }
        };
        self.spare(writes, &mut outcomes, is_tried);
        if self.reserve.is_lent() && outcomes.iter().any(Result::is_ok) {
            self.forget();
        }
        outcomes
    }

    /// Why so much does not fit, where that was tried a moment ago: each attempt costs opening the file again, and reads
    /// must have their time meanwhile.
    fn known_to_fail(&self, size: usize) -> Option<StorageFailure> {
        let known =
            |trouble: &&Trouble| trouble.failure.is_full() && size >= trouble.least && Instant::now() < trouble.until;
        self.shared.trouble().as_ref().filter(known).map(|trouble| trouble.failure.clone())
    }

    /// Notes whether what was to be written is, for those who ask how the store is.
    pub(super) fn note(&self, writes: &Writes, outcomes: &[Outcome], size: usize, took: Duration) {
        let failure = outcomes.iter().find_map(|outcome| match outcome {
            Err(WriteError::Store { error: Error::Storage(failure), .. } | WriteError::Unconfirmed { failure, .. }) => {
                Some(failure.clone())
            }
            _ => None,
        });
        let mut trouble = self.shared.trouble();
        *trouble = match failure {
            Some(failure) => {
                let until = Instant::now() + pause(took);
                Some(Trouble::with(trouble.take(), failure, size, until))
            }
            // What fits by now is what was kept, or what was made within the file: there is no more room on the disk.
            None if self.reserve.is_lent() => trouble.take(),
            None => trouble.take().and_then(|trouble| trouble.after(written(writes, outcomes))),
        };
    }

    /// Writes as much as failed, and takes it back.
    fn probe(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.shared.engine.lost("write to the store") {
            return Err(failure.into());
        }
        let Some(Trouble { size, .. }) = self.shared.trouble().clone() else { return Ok(()) };
        if self.shared.engine.is_failed() {
            self.recover()?;
        }
        let written = guarded(|| self.try_probe(size));
        let failure = match written {
            Ok(()) => self.take_reserve().err(),
            Err(error) => {
                // If this fails too, the next command tries again.
                let _ = self.recover();
                Some(StorageFailure::new(self.shared.engine.path(), "write to the store", &error))
            }
        };
        *self.shared.trouble() = failure.clone().map(|failure| Trouble::with(None, failure, size, Instant::now()));
        failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    fn try_probe(&self, size: usize) -> Result<(), redb::Error> {
        let transaction = self.shared.engine.begin_write()?;
        let content = vec![0; PROBE_BYTES.min(size)];
        {
            let mut table = transaction.open_table(PROBE)?;
            // In pieces, as it was to be written: a single large value needs room in one place.
            for piece in 0..size.div_ceil(PROBE_BYTES) as u64 {
                table.insert(piece, content.as_slice())?;
            }
        }
        transaction.commit()?;
        let transaction = self.shared.engine.begin_write()?;
        transaction.delete_table(PROBE)?;
        transaction.commit()?;
        Ok(())
    }

    /// Does the writes, and gives the outcomes once they are on disk. History is compacted along with them where `compacts`
    /// and it is due.
    pub(super) fn commit(&mut self, writes: &Writes, compacts: bool) -> Vec<Outcome> {
        if self.shared.engine.is_failed()
            && let Err(error) = self.recover()
        {
            return refuse(writes, &error);
        }
        let mut attempt = self.attempt(writes, compacts);
        if matches!(&attempt, Err(Failed { error: redb::Error::PreviousIo, tried: None })) {
            // A reader met the error; this batch had nothing to do with it.
            if let Err(error) = self.recover() {
                return refuse(writes, &error);
            }
            attempt = self.attempt(writes, compacts);
        }
        match attempt {
            Ok(committed) => self.publish(committed),
            Err(failed) => self.settle(writes, failed),
        }
    }

    /// Does the writes in one transaction.
    fn attempt(&mut self, writes: &Writes, compacts: bool) -> Result<Committed, Failed> {
        let mut tried = None;
        match guarded(|| self.try_attempt(writes, compacts, &mut tried)) {
            Ok(committed) => Ok(committed),
            Err(error) => Err(Failed { error, tried: tried.map(Box::new) }),
        }
    }

    /// The same; notes in `tried` what it comes to before it is committed.
    fn try_attempt(
        &mut self,
        writes: &Writes,
        compacts: bool,
        tried: &mut Option<Committed>,
    ) -> Result<Committed, redb::Error> {
        let transaction = self.shared.engine.begin_write()?;
        let (outcomes, events) = commit::apply(&transaction, writes.iter().copied())?;
        let Some(last) = events.last().map(|event| event.revision.0) else {
            transaction.abort()?;
            return Ok(Committed { outcomes, events, compacted: None });
        };
        let due = self.retention.due(Instant::now(), last, self.shared.hub.compacted()).filter(|_| compacts);
        let compacted = due.map(|target| compaction::compact(&transaction, target)).transpose()?;
        let compacted = compacted.map(|(revision, _)| revision);
        *tried = Some(Committed { outcomes, events, compacted });
        transaction.commit()?;
        tried.take().ok_or(redb::Error::PreviousIo)
    }

    fn publish(&mut self, committed: Committed) -> Vec<Outcome> {
        if let Some(last) = committed.events.last() {
            self.retention.mark(Instant::now(), last.revision.0);
        }
        self.shared.hub.publish(committed.events);
        if let Some(revision) = committed.compacted {
            self.shared.hub.set_compacted(revision);
        }
        committed.outcomes
    }

    /// Finds out what came of the writes after the disk failed.
    fn settle(&mut self, writes: &Writes, failed: Failed) -> Vec<Outcome> {
        let failure = StorageFailure::new(self.shared.engine.path(), "write to the store", &failed.error);
        tracing::warn!(%failure, "writing failed");
        match (self.recover(), failed.tried) {
            (Ok(()), Some(tried)) if tried.is_within(self.shared.hub.head()) => tried.outcomes,
            (Err(_), Some(tried)) => {
                writes.iter().zip(tried.outcomes).map(|(write, outcome)| doubt(write, outcome, &failure)).collect()
            }
            (Ok(()), _) | (Err(_), None) => refuse(writes, &failure.into()),
        }
    }

    /// Opens the file again, and publishes what turns out to have been written.
    fn recover(&mut self) -> Result<(), Error> {
        self.shared.engine.reopen()?;
        // What is on disk and was not published would be missed by those who watch: nothing is written before.
        self.catch_up().inspect_err(|error| self.shared.engine.give_up(error))
    }

    /// Publishes what is on disk beyond what was published.
    fn catch_up(&self) -> Result<(), Error> {
        let Shared { engine, hub, .. } = &*self.shared;
        let snapshot = self.shared.snapshot()?;
        let failed = |error| engine.failed(&error);
        let (last, compacted) = guarded(|| Ok((snapshot.revision()?, snapshot.compacted()?))).map_err(failed)?;
        while hub.head() < last {
            let (events, _) = guarded(|| snapshot.events("", hub.head())).map_err(failed)?;
            // What was compacted by the same commit is not told any more.
            match events.first().map(|event| event.revision.0 - 1) {
                None => hub.skip_to(last),
                Some(before) if before > hub.head() => hub.skip_to(before),
                Some(_) => {}
            }
            hub.publish(events);
        }
        hub.set_compacted(compacted);
        tracing::info!(path = %engine.path().display(), "opened the store again");
        Ok(())
    }

    fn recover_from(&mut self, generation: u64) -> Result<(), Error> {
        // Who failed with an opening that has been replaced has only to try again.
        if self.shared.engine.generation() == generation { self.recover() } else { Ok(()) }
    }

    /// Forgets history up to a revision.
    pub(super) fn compact(&mut self, target: Revision) -> Result<(), Error> {
        let current = self.shared.hub.head();
        if target.0 > current {
            return Err(Error::Future { requested: target, current: Revision(current) });
        }
        if let Some(failure) = self.shared.engine.lost("compact the store") {
            return Err(failure.into());
        }
        if self.shared.engine.is_failed() {
            self.recover()?;
        }
        let compact = || {
            let transaction = self.shared.engine.begin_write()?;
            let compacted = compaction::compact(&transaction, target.0)?;
            transaction.commit()?;
            Ok(compacted)
        };
        match guarded(compact) {
            Ok((compacted, gone)) => {
                self.made_room = self.made_room.saturating_add(gone);
                self.shared.hub.set_compacted(compacted);
                Ok(())
            }
            Err(error) => {
                let failure = StorageFailure::new(self.shared.engine.path(), "compact the store", &error);
                // If this fails too, the next command tries again.
                let _ = self.recover();
                Err(failure.into())
            }
        }
    }
}

impl Drop for Writer {
    /// Without a writer there is no store, however it ended.
    fn drop(&mut self) {
        self.close();
    }
}

impl Committed {
    /// Whether a store that has come this far has it.
    fn is_within(&self, head: u64) -> bool {
        self.events.last().is_some_and(|last| head >= last.revision.0)
    }
}

/// For how long a write is not tried again that took so long to fail.
fn pause(took: Duration) -> Duration {
    (took * PAUSE).min(LONGEST_PAUSE)
}

/// How many bytes were written. What was refused is none, nor is what changed nothing.
fn written(writes: &Writes, outcomes: &[Outcome]) -> usize {
    let happened = |outcome: &Outcome| {
        outcome.as_ref().is_ok_and(|changed| changed.iter().any(|changed| changed.revision.is_some()))
    };
    let done = writes.iter().zip(outcomes).filter(|(_, outcome)| happened(outcome));
    done.map(|(write, _)| commit::size(write)).sum()
}

/// None of the writes happened.
fn refuse(writes: &Writes, error: &Error) -> Vec<Outcome> {
    writes.iter().map(|write| Err(WriteError::Store { key: first_key(write), error: error.clone() })).collect()
}

/// Nobody knows whether the write happened.
fn doubt(write: &[Change], outcome: Outcome, failure: &StorageFailure) -> Outcome {
    let key = first_key(write);
    Err(match outcome {
        Ok(_) => WriteError::Unconfirmed { key, failure: failure.clone() },
        Err(_) => WriteError::Store { key, error: failure.clone().into() },
    })
}

/// The key that errors name.
fn first_key(write: &[Change]) -> String {
    write.first().map(|change| change.key.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_failed_is_not_tried_for_four_times_as_long_as_that_took_and_for_a_second_at_most() {
        assert_eq!(pause(Duration::from_millis(10)), Duration::from_millis(40));
        assert_eq!(pause(Duration::from_secs(10)), Duration::from_secs(1));
    }
}
