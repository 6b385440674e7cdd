//! The thread that writes.
//!
//! It takes everything that waits, writes it in one transaction, flushes the disk once, and only then answers and
//! tells the watchers. While it does, the next ones gather: the slower the disk, the larger the batches.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::commit::{self, Outcome};
use super::compaction::{self, Retention};
use super::layout::PROBE;
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

type Batch = Vec<(Vec<Change>, oneshot::Sender<Outcome>)>;

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) retention: Retention,
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

impl From<redb::Error> for Failed {
    fn from(error: redb::Error) -> Self {
        Self { error, tried: None }
    }
}

impl Writer {
    /// Serves until the store is closed or nobody has it any more.
    pub(crate) fn run(mut self) {
        let mut next = None;
        while let Some(command) = next.take().or_else(|| self.commands.blocking_recv()) {
            match command {
                Command::Write(write, reply) => next = self.write((write, reply)),
                Command::Compact(revision, reply) => {
                    let _ = reply.send(self.compact(revision));
                }
                Command::Probe(reply) => {
                    let _ = reply.send(self.probe());
                }
                Command::Recover(generation, reply) => {
                    let _ = reply.send(self.recover_from(generation));
                }
                Command::Close(reply) => {
                    self.close();
                    let _ = reply.send(());
                    return;
                }
            }
        }
    }

    fn close(&mut self) {
        self.commands.close();
        self.shared.engine.close();
        self.shared.hub.close();
    }

    /// Writes what waits. Gives the command that came next, if it is another one.
    fn write(&mut self, first: (Vec<Change>, oneshot::Sender<Outcome>)) -> Option<Command> {
        let mut size = commit::size(&first.0);
        let mut batch = vec![first];
        let mut next = None;
        while next.is_none() && batch.len() < BATCH_WRITES && size < BATCH_BYTES {
            match self.commands.try_recv() {
                Ok(Command::Write(write, reply)) => {
                    size += commit::size(&write);
                    batch.push((write, reply));
                }
                Ok(command) => next = Some(command),
                Err(_) => break,
            }
        }
        let outcomes = self.commit(&batch);
        self.note(&outcomes, size);
        for ((_, reply), outcome) in batch.into_iter().zip(outcomes) {
            // Whoever stopped waiting doesn't hear of it.
            let _ = reply.send(outcome);
        }
        next
    }

    /// Notes whether what was to be written is, for those who ask how the store is.
    fn note(&self, outcomes: &[Outcome], size: usize) {
        let failure = outcomes.iter().find_map(|outcome| match outcome {
            Err(WriteError::Store { error: Error::Storage(failure), .. } | WriteError::Unconfirmed { failure, .. }) => {
                Some(failure.clone())
            }
            _ => None,
        });
        let mut trouble = self.shared.trouble();
        // A small write may fit where a large one did not.
        let known = trouble.as_ref().map_or(0, |trouble| trouble.size);
        match failure {
            Some(failure) => *trouble = Some(Trouble { failure, size: size.max(known) }),
            None if size >= known => *trouble = None,
            None => {}
        }
    }

    /// Writes as much as failed, and takes it back.
    fn probe(&mut self) -> Result<(), Error> {
        let Some(Trouble { size, .. }) = self.shared.trouble().clone() else { return Ok(()) };
        if self.shared.engine.is_failed() {
            self.recover()?;
        }
        let written = self.try_probe(size);
        let failure =
            written.err().map(|error| StorageFailure::new(self.shared.engine.path(), "write to the store", &error));
        if failure.is_some() {
            // If this fails too, the next command tries again.
            let _ = self.recover();
        }
        *self.shared.trouble() = failure.clone().map(|failure| Trouble { failure, size });
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

    /// Writes a batch, and gives the outcomes once it is on disk.
    fn commit(&mut self, batch: &Batch) -> Vec<Outcome> {
        if self.shared.engine.is_failed()
            && let Err(error) = self.recover()
        {
            return refuse(batch, &error);
        }
        let mut attempt = self.attempt(batch);
        if matches!(&attempt, Err(Failed { error: redb::Error::PreviousIo, tried: None })) {
            // A reader met the error; this batch had nothing to do with it.
            if let Err(error) = self.recover() {
                return refuse(batch, &error);
            }
            attempt = self.attempt(batch);
        }
        match attempt {
            Ok(committed) => self.publish(committed),
            Err(failed) => self.settle(batch, failed),
        }
    }

    /// Writes a batch in one transaction.
    fn attempt(&mut self, batch: &Batch) -> Result<Committed, Failed> {
        let transaction = self.shared.engine.begin_write()?;
        let (outcomes, events) = commit::apply(&transaction, batch.iter().map(|(write, _)| write.as_slice()))?;
        let Some(last) = events.last().map(|event| event.revision.0) else {
            transaction.abort().map_err(redb::Error::from)?;
            return Ok(Committed { outcomes, events, compacted: None });
        };
        let due = self.retention.due(Instant::now(), last, self.shared.hub.compacted());
        let compacted = due.map(|target| compaction::compact(&transaction, target)).transpose()?;
        let committed = Committed { outcomes, events, compacted };
        match transaction.commit() {
            Ok(()) => Ok(committed),
            Err(error) => Err(Failed { error: error.into(), tried: Some(Box::new(committed)) }),
        }
    }

    fn publish(&self, committed: Committed) -> Vec<Outcome> {
        self.shared.hub.publish(committed.events);
        if let Some(revision) = committed.compacted {
            self.shared.hub.set_compacted(revision);
        }
        committed.outcomes
    }

    /// Finds out what came of a batch after the disk failed.
    fn settle(&mut self, batch: &Batch, failed: Failed) -> Vec<Outcome> {
        let failure = StorageFailure::new(self.shared.engine.path(), "write to the store", &failed.error);
        tracing::warn!(%failure, "writing failed");
        let before = self.shared.hub.head();
        match (self.recover(), failed.tried) {
            (Ok(()), Some(tried)) if self.shared.hub.head() != before => tried.outcomes,
            (Err(_), Some(tried)) => {
                batch.iter().zip(tried.outcomes).map(|((write, _), outcome)| doubt(write, outcome, &failure)).collect()
            }
            (Ok(()), _) | (Err(_), None) => refuse(batch, &failure.into()),
        }
    }

    /// Opens the file again, and publishes what turns out to have been written.
    fn recover(&mut self) -> Result<(), Error> {
        let Shared { engine, hub, .. } = &*self.shared;
        engine.reopen()?;
        let snapshot = self.shared.snapshot()?;
        let failed = |error| engine.failed(&error);
        while hub.head() < snapshot.revision().map_err(failed)? {
            let (events, _) = snapshot.events("", hub.head()).map_err(failed)?;
            hub.publish(events);
        }
        hub.set_compacted(snapshot.compacted().map_err(failed)?);
        tracing::info!(path = %engine.path().display(), "opened the store again");
        Ok(())
    }

    fn recover_from(&mut self, generation: u64) -> Result<(), Error> {
        if self.shared.engine.generation() == generation { self.recover() } else { Ok(()) }
    }

    /// Forgets history up to a revision.
    fn compact(&mut self, target: Revision) -> Result<(), Error> {
        let current = self.shared.hub.head();
        if target.0 > current {
            return Err(Error::Future { requested: target, current: Revision(current) });
        }
        if self.shared.engine.is_failed() {
            self.recover()?;
        }
        let compact = || -> Result<u64, redb::Error> {
            let transaction = self.shared.engine.begin_write()?;
            let compacted = compaction::compact(&transaction, target.0)?;
            transaction.commit()?;
            Ok(compacted)
        };
        match compact() {
            Ok(compacted) => {
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

/// None of the batch happened.
fn refuse(batch: &Batch, error: &Error) -> Vec<Outcome> {
    batch.iter().map(|(write, _)| Err(WriteError::Store { key: first_key(write), error: error.clone() })).collect()
}

/// Nobody knows whether the batch happened.
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
