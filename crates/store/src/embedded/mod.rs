//! A store in one file of this process.
//!
//! Writers that wait at the same time share one flush of the disk. In the file, keys point at the revision that wrote
//! them last, values and the log of changes are kept by revision. So a value is written once, however often it is
//! listed, watched or superseded, and counting keys reads no value.

mod access;
#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod catching_up_tests;
mod commit;
mod compaction;
mod engine;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod following_tests;
mod hub;
#[cfg(test)]
mod hub_tests;
mod layout;
mod listing;
mod name;
#[cfg(test)]
mod name_tests;
mod options;
#[cfg(test)]
mod recovery_tests;
mod reserve;
mod resting;
#[cfg(test)]
mod retention_tests;
#[cfg(test)]
mod room_tests;
mod snapshot;
mod spare;
#[cfg(test)]
mod unpublished_tests;
mod watch;
mod writer;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;

use self::access::Access;
use self::compaction::Retention;
use self::engine::{Engine, Opener, guarded};
use self::hub::Hub;
use self::listing::ListError;
pub use self::options::Options;
use self::reserve::Reserve;
use self::snapshot::Snapshot;
use self::watch::Following;
use self::writer::{Command, Writer};
use crate::backend::Backend;
use crate::error::{Error, OpenError, StorageFailure, WriteError};
use crate::model::{Change, Changed, Entry, ListOptions, Page, Revision};
use crate::watch::Watch;

/// How many writes may wait before those who want to write wait themselves.
const QUEUE: usize = 1024;

/// How much is usually written at once at most, in bytes.
const USUAL: usize = 64 * 1024;

/// A store in a file. The file is given free when it is dropped or closed.
///
/// Reads happen on the caller's thread: they mostly meet pages in memory and take microseconds, less than handing
/// them to another thread would. A long listing lets others have the thread every few hundred keys.
pub struct Embedded {
    shared: Arc<Shared>,
    access: Access,
    /// Nothing only while being dropped.
    commands: Option<Sender<Command>>,
    writer: Option<JoinHandle<()>>,
}

/// What the store, its watches and its writer have in common.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) hub: Hub,
    /// The write that failed last, while none has been done since.
    pub(crate) trouble: Mutex<Option<Trouble>>,
}

/// A write that the disk had no room for, or that failed otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) failure: StorageFailure,
    /// How many bytes were to be written, at the most that failed.
    pub(crate) size: usize,
    /// The same at the least that failed.
    pub(crate) least: usize,
    /// Until when as much as the least is not tried again, so that reads have their time between attempts.
    pub(crate) until: Instant,
}

impl Trouble {
    /// What is wrong, or may be, at the start: what is usually written is to be tried.
    fn at_start(failure: StorageFailure) -> Self {
        Self { failure, size: USUAL, least: USUAL, until: Instant::now() }
    }

    /// The trouble there is when a write of this size failed, given what there was before.
    fn with(before: Option<Self>, failure: StorageFailure, size: usize, until: Instant) -> Self {
        let (most, least) = before.map_or((size, size), |before| (before.size.max(size), before.least.min(size)));
        Self { failure, size: most, least, until }
    }

    /// What is left of it when so many bytes were written: a small write may fit where a large one did not, and one that
    /// writes nothing says nothing.
    fn after(self, written: usize) -> Option<Self> {
        (written == 0 || written < self.size).then(|| Self { least: self.least.max(written.saturating_add(1)), ..self })
    }
}

impl Shared {
    /// The latest state.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        self.engine.begin_read().map(Snapshot::new)
    }

    /// Reads something of the latest state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Snapshot) -> Result<T, redb::Error>) -> Result<T, Error> {
        let snapshot = self.snapshot()?;
        guarded(|| read(&snapshot)).map_err(|error| self.engine.failed(&error))
    }

    pub(crate) fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Embedded {
    /// Opens the store in the file at `path`, creating it if there is none. After a crash this puts the last whole
    /// commit back in place, which reads the whole file. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] if another store has the file, others if it can't be read, or isn't a store.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), &options, Box::new(engine::open_file))
    }

    /// Opens a store with a way to open its database.
    pub(crate) fn open_with(path: &Path, options: &Options, opener: Opener) -> Result<Self, OpenError> {
        let engine = Engine::open(path, options.cache_size, opener)?;
        let (revision, compacted) = position(&engine)?;
        // A disk may be full on which everything is well: what was not written by now is tried when somebody asks.
        let untried = (revision > Revision::FIRST.0).then(|| StorageFailure::untried(path));
        let trouble = Mutex::new(untried.map(Trouble::at_start));
        let shared = Arc::new(Shared { engine, hub: Hub::new(options, revision, compacted), trouble });
        let retention = Retention::new(options, Instant::now(), revision);
        let (commands, receiver) = mpsc::channel(QUEUE);
        let access = Access { shared: shared.clone(), commands: commands.downgrade() };
        let reserve = Reserve::of(path, options.reserve);
        let mut writer = Writer {
            shared: shared.clone(),
            commands: receiver,
            retention,
            reserve,
            made_room: 0,
            failed_to_spare: None,
        };
        if let Err(failure) = writer.take_reserve() {
            *shared.trouble() = Some(Trouble::at_start(failure));
        }
        let writer = thread::Builder::new()
            .name("store-writer".into())
            .spawn(|| writer.run())
            .map_err(|error| StorageFailure::new(path, "start the thread that writes", &redb::Error::Io(error)))?;
        Ok(Self { shared, access, commands: Some(commands), writer: Some(writer) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.shared.engine.path()
    }

    /// The revision of the last acknowledged write.
    fn head(&self) -> Revision {
        Revision(self.shared.hub.head())
    }

    /// The oldest revision at which the state can still be listed, and from which can be watched.
    fn compacted(&self) -> Revision {
        Revision(self.shared.hub.compacted())
    }

    fn try_get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.shared.read(|snapshot| snapshot.get(key))
    }

    async fn try_list(&self, prefix: &str, options: &ListOptions) -> Result<Page, Error> {
        let shared = &self.shared;
        let snapshot = shared.snapshot()?;
        let listed = AssertUnwindSafe(listing::list(&snapshot, prefix, options)).catch_unwind().await;
        let listed = listed.unwrap_or_else(|panic| Err(ListError::Storage(engine::gave_up(&*panic))));
        listed.map_err(|error| match error {
            ListError::Refused(error) => error,
            ListError::Storage(error) => shared.engine.failed(&error),
        })
    }

    /// The revision of the last write that is on disk. Reads see it a moment before watchers are told of it.
    async fn written(&self) -> Result<Revision, Error> {
        self.access.read(|| async { self.try_revision() }).await
    }

    fn try_revision(&self) -> Result<Revision, Error> {
        self.shared.read(Snapshot::revision).map(Revision)
    }

    fn closed(&self) -> Error {
        Error::Closed { path: self.path().into() }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        let closed = || self.closed();
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or_else(closed)?;
        commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| self.shared.engine.unanswered())
    }
}

impl Backend for Embedded {
    fn revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        async {
            if self.shared.engine.is_closed() {
                return Err(self.closed());
            }
            // That of the last write that was acknowledged may be too early: a listing, and whoever was told of it, knows of
            // one that is only on disk yet. While nothing can be read there, nobody learns of such a one.
            let acknowledged = self.head();
            Ok(self.try_revision().map_or(acknowledged, |written| written.max(acknowledged)))
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.access.read(move || async move { self.try_get(key) }).boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str, options: ListOptions) -> BoxFuture<'a, Result<Page, Error>> {
        async move { self.access.read(|| self.try_list(prefix, &options)).await }.boxed()
    }

    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Changed>, WriteError>> {
        let key = changes.first().map(|change| change.key.clone()).unwrap_or_default();
        async move {
            match self.ask(|reply| Command::Write(changes, reply)).await {
                Ok(outcome) => outcome,
                Err(Error::Storage(failure)) => Err(WriteError::Unconfirmed { key, failure }),
                Err(error) => Err(WriteError::Store { key, error }),
            }
        }
        .boxed()
    }

    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        async move {
            if from > self.head() {
                // A listing may see a commit a moment before it is published.
                let current = self.written().await?;
                if from > current {
                    return Err(Error::Future { requested: from, current });
                }
            }
            let watch = Following::new(self.access.clone(), prefix, from.0);
            let oldest = self.compacted();
            if from < oldest { Err(Error::Compacted { oldest }) } else { Ok(Watch::new(watch)) }
        }
        .boxed()
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        async move { self.ask(|reply| Command::Compact(revision, reply)).await? }.boxed()
    }

    fn trouble(&self) -> Option<StorageFailure> {
        self.lost().or_else(|| self.shared.trouble().as_ref().map(|trouble| trouble.failure.clone()))
    }

    fn lost(&self) -> Option<StorageFailure> {
        self.shared.engine.lost("write to the store")
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), Error>> {
        async move { self.ask(Command::Probe).await? }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // An error says that it was closed before.
        async { drop(self.ask(Command::Close).await) }.boxed()
    }
}

/// The last revision, and the one up to which history is gone.
fn position(engine: &Engine) -> Result<(u64, u64), StorageFailure> {
    let failed = |error| StorageFailure::new(engine.path(), "read the store", &error);
    let snapshot = engine.begin_read().map(Snapshot::new);
    let snapshot = snapshot.map_err(|error| failed(redb::Error::Corrupted(error.to_string())))?;
    Ok((snapshot.revision().map_err(failed)?, snapshot.compacted().map_err(failed)?))
}

impl Drop for Embedded {
    /// Waits for the writer, so that whoever opens the file next finds it free.
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path()).field("revision", &self.head()).finish()
    }
}
