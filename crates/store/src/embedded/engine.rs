//! The database file: opening it, and opening it again after the disk failed.
//!
//! The engine below refuses everything after an input/output error until its file is closed and opened again, which
//! puts the last whole commit back in place. Only the writer thread does that: nobody else can know that no
//! write is under way.

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, Table, WriteTransaction};

use super::layout::{FORMAT, KEYS, LOG, META, META_COMPACTED, META_FORMAT, META_REVISION, VALUES};
use super::name::Name;
use crate::error::{Error, OpenError, StorageFailure};
use crate::model::Revision;

/// Opens the database: the real file, or one that fails when a test says so.
pub(crate) type Opener = Box<dyn Fn(&Path, usize) -> Result<Database, redb::Error> + Send + Sync>;

/// The database, as long as it works.
pub(crate) struct Engine {
    path: PathBuf,
    name: Name,
    cache_size: usize,
    opener: Opener,
    state: RwLock<State>,
    generation: AtomicU64,
}

enum State {
    Open(Database),
    Failed(StorageFailure),
    Closed,
}

impl Engine {
    /// Opens the file, creating it if needed.
    pub(crate) fn open(path: &Path, cache_size: usize, opener: Opener) -> Result<Self, OpenError> {
        let database = opener(path, cache_size).map_err(|error| open_error(path, &error))?;
        match prepare(&database) {
            Ok(FORMAT) => {}
            Ok(found) => return Err(OpenError::Format { path: path.into(), found, supported: FORMAT }),
            Err(error) => return Err(StorageFailure::new(path, "prepare the store", &error).into()),
        }
        Ok(Self {
            path: path.into(),
            name: Name::of(path),
            cache_size,
            opener,
            state: RwLock::new(State::Open(database)),
            generation: AtomicU64::new(0),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A consistent view of the latest commit.
    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, Error> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => database.begin_read().map_err(|error| self.failed(&error.into())),
            State::Failed(failure) => Err(failure.clone().into()),
            State::Closed => Err(Error::Closed { path: self.path.clone() }),
        }
    }

    /// A transaction that writes. Only the writer thread asks for one.
    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => Ok(database.begin_write()?),
            State::Failed(_) | State::Closed => Err(redb::Error::DatabaseClosed),
        }
    }

    /// How many times the file was opened again, or could not be. Who meets an error says after how many.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the database is out of service until it is opened again.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Failed(_))
    }

    /// What is said to who asked the writer and gets no answer.
    pub(crate) fn unanswered(&self) -> Error {
        if self.is_closed() {
            return Error::Closed { path: self.path.clone() };
        }
        let error = redb::Error::Io(io::Error::other("the storage engine gave up"));
        StorageFailure::new(&self.path, "do what was asked", &error).into()
    }

    /// Why nothing may be done with the file any more, where it is not the one at its path.
    pub(crate) fn lost(&self, action: &'static str) -> Option<StorageFailure> {
        self.name.lost(action)
    }

    /// Whether the file was given free.
    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Closed)
    }

    /// Closes what is open and opens the file again. Meanwhile reads are refused at once, and wait elsewhere.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        let old = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Closed) {
                return Err(Error::Closed { path: self.path.clone() });
            }
            let reopening = StorageFailure::new(&self.path, "read the store", &redb::Error::DatabaseClosed);
            std::mem::replace(&mut *state, State::Failed(reopening))
        };
        // The old database goes first: its lock on the file would refuse the new one.
        let action = "open the store again";
        let dropped = guarded(|| {
            drop(old);
            Ok(())
        });
        // Where the file is gone, a new one would be made, as if nothing had ever been.
        let opened = match self.lost(action) {
            Some(failure) => Err(failure),
            None => dropped
                .and_then(|()| guarded(|| (self.opener)(&self.path, self.cache_size)))
                .map_err(|error| StorageFailure::new(&self.path, action, &error)),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        match opened {
            Ok(database) => {
                *state = State::Open(database);
                Ok(())
            }
            Err(failure) => {
                *state = State::Failed(failure.clone());
                Err(failure.into())
            }
        }
    }

    /// Puts the database out of service until it is opened again, though it could be opened.
    pub(crate) fn give_up(&self, error: &Error) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let (State::Open(_), Error::Storage(failure)) = (&*state, error) {
            *state = State::Failed(failure.clone());
        }
    }

    /// Gives the file free. Everything after this fails with [`Error::Closed`].
    pub(crate) fn close(&self) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Closed;
    }

    /// An error of the engine below, in the words of this crate.
    pub(crate) fn failed(&self, error: &redb::Error) -> Error {
        StorageFailure::new(&self.path, "read the store", error).into()
    }
}

/// Does something with the engine below. Where it panics, a disk failed in a place where it did not expect that: that is an
/// error like others, which opening the file again mends.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(gave_up(&*panic)))
}

/// A panic of the engine below as an error.
pub(crate) fn gave_up(panic: &(dyn Any + Send)) -> redb::Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    redb::Error::Io(io::Error::other(format!("the storage engine gave up: {text}")))
}

/// Opens the file at `path`, or creates it, readable for its owner alone: it will hold secrets.
pub(crate) fn open_file(path: &Path, cache_size: usize) -> Result<Database, redb::Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // What has content was durable before it got any.
    if file.metadata()?.len() == 0 {
        sync_directory(path)?;
    }
    open_backend(FileBackend::new(file)?, cache_size)
}

/// Opens the database in a file, or in what a test takes for one, and checks all of it: damage is told here, not met
/// later in the middle of something. Opening after a crash costs the same.
pub(crate) fn open_backend(backend: impl StorageBackend, cache_size: usize) -> Result<Database, redb::Error> {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(cache_size).set_check_integrity_on_open(true);
    Ok(builder.create_with_backend(backend)?)
}

/// Makes the file's name as durable as its content.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        // What has no directory is in this one; what is absolute stays so.
        File::open(Path::new(".").join(path.parent().unwrap_or(path)))?.sync_all()?;
    }
    Ok(())
}

/// Creates the tables of an empty file, or mends what is there, and gives the format.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let format = meta.get(META_FORMAT)?.map(|format| format.value());
        match format {
            Some(FORMAT) if mend(&mut meta)? => {}
            Some(format) => return Ok(format),
            None => {
                meta.insert(META_FORMAT, FORMAT)?;
                meta.insert(META_REVISION, Revision::FIRST.0)?;
                meta.insert(META_COMPACTED, Revision::FIRST.0)?;
                transaction.open_table(KEYS)?;
                transaction.open_table(VALUES)?;
                transaction.open_table(LOG)?;
            }
        }
    }
    transaction.commit()?;
    Ok(FORMAT)
}

/// Mends a store that an earlier version compacted beyond its last revision, so that nothing could be listed or watched
/// any more: what it has is gone up to there. Gives whether there was something to mend.
fn mend(meta: &mut Table<'_, &str, u64>) -> Result<bool, redb::Error> {
    let number = |name| Ok::<_, redb::Error>(meta.get(name)?.map(|number| number.value()));
    let (Some(revision), Some(compacted)) = (number(META_REVISION)?, number(META_COMPACTED)?) else { return Ok(false) };
    if compacted.saturating_sub(revision) == 0 {
        return Ok(false);
    }
    tracing::warn!(revision, compacted, "the history of the store was forgotten too far; mended");
    meta.insert(META_COMPACTED, revision)?;
    Ok(true)
}

fn open_error(path: &Path, error: &redb::Error) -> OpenError {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => OpenError::Locked { path: path.into() },
        redb::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            OpenError::NotAStore { path: path.into() }
        }
        error => StorageFailure::new(path, "open the store", error).into(),
    }
}
