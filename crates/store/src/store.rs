//! The store as others see it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;

use crate::commit::{Outcome, Write};
use crate::compaction::Retention;
use crate::engine::{self, Engine, Opener};
use crate::error::{Error, OpenError, StorageFailure, WriteError};
use crate::hub::Hub;
use crate::listing::{self, ListError};
use crate::model::{Entry, Expected, ListOptions, Page, Revision};
use crate::options::Options;
use crate::snapshot::Snapshot;
use crate::watch::Watch;
use crate::writer::{Command, Writer};

/// The most bytes of a key.
pub const MAX_KEY_SIZE: usize = 4096;

/// The most bytes of a value.
pub const MAX_VALUE_SIZE: usize = 8 * 1024 * 1024;

/// How many writes may wait before those who want to write wait themselves.
const QUEUE: usize = 1024;

/// A store: a handle that is cheap to clone. The file is given free when the last one is dropped, or with
/// [`Store::close`].
///
/// Reads happen on the caller's thread: they mostly meet pages in memory and take microseconds, less than handing
/// them to another thread would. A long listing lets others have the thread every few hundred keys.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    /// Nothing only while being dropped.
    commands: Option<Sender<Command>>,
    writer: Option<JoinHandle<()>>,
}

/// What the store's handles, its watches and its writer have in common.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) hub: Hub,
}

impl Shared {
    /// The latest state.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        self.engine.begin_read().map(Snapshot::new)
    }
}

impl Store {
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
        let shared = Arc::new(Shared { engine, hub: Hub::new(options, revision, compacted) });
        let retention = Retention::new(options, Instant::now(), revision);
        let (commands, receiver) = mpsc::channel(QUEUE);
        let writer = Writer { shared: shared.clone(), commands: receiver, retention };
        let writer = thread::Builder::new()
            .name("store-writer".into())
            .spawn(|| writer.run())
            .map_err(|error| StorageFailure::new(path, "start the thread that writes", &redb::Error::Io(error)))?;
        Ok(Self(Arc::new(Handle { shared, commands: Some(commands), writer: Some(writer) })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.0.shared.engine.path()
    }

    /// The revision of the last acknowledged write.
    pub fn revision(&self) -> Revision {
        Revision(self.0.shared.hub.head())
    }

    /// The oldest revision at which the state can still be listed, and from which can be watched.
    pub fn compacted(&self) -> Revision {
        Revision(self.0.shared.hub.compacted())
    }

    /// The entry of a key, if it exists.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the disk fails, [`Error::Closed`] if the store was closed.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        let generation = self.0.shared.engine.generation();
        match self.try_get(key) {
            Err(Error::Storage(_)) => {
                self.recover(generation).await?;
                self.try_get(key)
            }
            done => done,
        }
    }

    fn try_get(&self, key: &str) -> Result<Option<Entry>, Error> {
        let shared = &self.0.shared;
        shared.snapshot()?.get(key).map_err(|error| shared.engine.failed(&error))
    }

    /// The entries whose keys start with `prefix`, in the order of their keys: one consistent state.
    ///
    /// # Errors
    ///
    /// [`Error::Compacted`] or [`Error::Future`] if the state at the revision that was asked for can't be told;
    /// [`Error::Storage`] if the disk fails, [`Error::Closed`] if the store was closed.
    pub async fn list(&self, prefix: &str, options: ListOptions) -> Result<Page, Error> {
        let generation = self.0.shared.engine.generation();
        match self.try_list(prefix, &options).await {
            Err(Error::Storage(_)) => {
                self.recover(generation).await?;
                self.try_list(prefix, &options).await
            }
            done => done,
        }
    }

    async fn try_list(&self, prefix: &str, options: &ListOptions) -> Result<Page, Error> {
        let shared = &self.0.shared;
        let snapshot = shared.snapshot()?;
        listing::list(&snapshot, prefix, options).await.map_err(|error| match error {
            ListError::Refused(error) => error,
            ListError::Storage(error) => shared.engine.failed(&error),
        })
    }

    /// Writes a value, if the key is as expected, and gives the revision of the write once it is on disk.
    ///
    /// Who stops waiting for the answer leaves open whether the write happens.
    ///
    /// # Errors
    ///
    /// [`WriteError::Conflict`] if the key isn't as expected, others if the key or the value can't be stored,
    /// or the disk fails.
    pub async fn put(&self, key: impl Into<String>, value: Bytes, expected: Expected) -> Result<Revision, WriteError> {
        let key = key.into();
        if value.len() > MAX_VALUE_SIZE {
            return Err(WriteError::TooLarge { key, size: value.len(), limit: MAX_VALUE_SIZE });
        }
        let (revision, _) = self.write(Write { key, value: Some(value), expected }).await?;
        Ok(revision)
    }

    /// Deletes a key, if it is as expected, and gives the revision of the deletion and the last entry once the
    /// deletion is on disk.
    ///
    /// Who stops waiting for the answer leaves open whether the deletion happens.
    ///
    /// # Errors
    ///
    /// [`WriteError::NotFound`] if there is no such key, [`WriteError::Conflict`] if it isn't as expected, others if
    /// the disk fails.
    pub async fn delete(&self, key: impl Into<String>, expected: Expected) -> Result<(Revision, Entry), WriteError> {
        let key = key.into();
        match self.write(Write { key: key.clone(), value: None, expected }).await? {
            (revision, Some(entry)) => Ok((revision, entry)),
            (_, None) => Err(WriteError::NotFound { key }),
        }
    }

    async fn write(&self, write: Write) -> Outcome {
        if write.key.is_empty() || write.key.len() > MAX_KEY_SIZE {
            return Err(WriteError::InvalidKey { size: write.key.len(), limit: MAX_KEY_SIZE });
        }
        let key = write.key.clone();
        match self.ask(|reply| Command::Write(write, reply)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(WriteError::Store { key, error }),
        }
    }

    /// Follows the changes of the keys that start with `prefix`, from the first one after `from`.
    ///
    /// # Errors
    ///
    /// [`Error::Compacted`] if these are gone, [`Error::Future`] if `from` isn't written yet;
    /// [`Error::Storage`] if the disk fails, [`Error::Closed`] if the store was closed.
    pub async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch, Error> {
        let shared = &self.0.shared;
        if from.0 > shared.hub.head() {
            // A listing may see a commit a moment before it is published.
            self.check_written(from).await?;
        }
        let watch = Watch::new(shared.clone(), prefix, from.0);
        let oldest = self.compacted();
        if from < oldest {
            return Err(Error::Compacted { oldest });
        }
        Ok(watch)
    }

    async fn check_written(&self, requested: Revision) -> Result<(), Error> {
        let generation = self.0.shared.engine.generation();
        let current = match self.try_revision() {
            Err(Error::Storage(_)) => {
                self.recover(generation).await?;
                self.try_revision()?
            }
            done => done?,
        };
        if requested > current { Err(Error::Future { requested, current }) } else { Ok(()) }
    }

    /// The revision of the last write on disk, of which the watchers may be told only in a moment.
    fn try_revision(&self) -> Result<Revision, Error> {
        let shared = &self.0.shared;
        shared.snapshot()?.revision().map(Revision).map_err(|error| shared.engine.failed(&error))
    }

    /// Forgets history up to a revision: older states can't be listed any more, nor can older changes be watched. The
    /// space is used again.
    ///
    /// Happens by itself too, as [`Options`] say.
    ///
    /// # Errors
    ///
    /// [`Error::Future`] if the revision isn't written yet; [`Error::Storage`] if the disk fails, [`Error::Closed`]
    /// if the store was closed.
    pub async fn compact(&self, revision: Revision) -> Result<(), Error> {
        self.ask(|reply| Command::Compact(revision, reply)).await?
    }

    /// Closes the store for everybody who has it, and gives the file free: writes that came before are done first,
    /// watches end, and everything else fails with [`Error::Closed`].
    pub async fn close(&self) {
        // An error says that it was closed before.
        let _ = self.ask(Command::Close).await;
    }

    async fn recover(&self, generation: u64) -> Result<(), Error> {
        self.ask(|reply| Command::Recover(generation, reply)).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        let closed = || Error::Closed { path: self.path().into() };
        let (reply, answer) = oneshot::channel();
        let commands = self.0.commands.as_ref().ok_or_else(closed)?;
        commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())
    }
}

/// The last revision, and the one up to which history is gone.
fn position(engine: &Engine) -> Result<(u64, u64), StorageFailure> {
    let failed = |error| StorageFailure::new(engine.path(), "read the store", &error);
    let snapshot = engine.begin_read().map(Snapshot::new);
    let snapshot = snapshot.map_err(|error| failed(redb::Error::Corrupted(error.to_string())))?;
    Ok((snapshot.revision().map_err(failed)?, snapshot.compacted().map_err(failed)?))
}

impl Drop for Handle {
    /// Waits for the writer, so that whoever opens the file next finds it free.
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).field("revision", &self.revision()).finish()
    }
}
