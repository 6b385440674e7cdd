//! The store as others see it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::backend::Backend;
use crate::embedded::{Embedded, Options};
use crate::error::{Error, OpenError, StorageFailure, WriteError};
use crate::model::{Change, Changed, Entry, Expected, ListOptions, Page, Revision};
use crate::watch::Watch;

/// The most bytes of a key.
pub const MAX_KEY_SIZE: usize = 4096;

/// The most bytes of a value.
pub const MAX_VALUE_SIZE: usize = 8 * 1024 * 1024;

/// A store: a handle that is cheap to clone. Whoever has one is one of many that write to the same state: what they
/// know of it they read, and what they write holds only if nobody else was faster.
#[derive(Clone, Debug)]
pub struct Store(Arc<dyn Backend>);

impl Store {
    /// A store that keeps its state there.
    pub fn new(backend: impl Backend) -> Self {
        Self(Arc::new(backend))
    }

    /// Opens the store in the file at `path`, as [`Embedded::open`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Embedded::open`].
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Embedded::open(path, options).map(Self::new)
    }

    /// The latest revision: no write that anybody was told of before the call has a higher one.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the state can't be reached, [`Error::Closed`] if the store was closed.
    pub async fn revision(&self) -> Result<Revision, Error> {
        self.0.revision().await
    }

    /// The entry of a key, if it exists.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the state can't be reached, [`Error::Closed`] if the store was closed.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.0.get(key).await
    }

    /// The entries whose keys start with `prefix`, in the order of their keys: one consistent state.
    ///
    /// # Errors
    ///
    /// [`Error::Compacted`] or [`Error::Future`] if the state at the revision that was asked for can't be told;
    /// [`Error::Storage`] if the state can't be reached, [`Error::Closed`] if the store was closed.
    pub async fn list(&self, prefix: &str, options: ListOptions) -> Result<Page, Error> {
        self.0.list(prefix, options).await
    }

    /// Writes a value, if the key is as expected, and gives the revision of the write once it is durable.
    ///
    /// Who stops waiting for the answer leaves open whether the write happens.
    ///
    /// # Errors
    ///
    /// [`WriteError::Conflict`] if the key isn't as expected, others if the key or the value can't be stored,
    /// or the state can't be reached.
    pub async fn put(&self, key: impl Into<String>, value: Bytes, expected: Expected) -> Result<Revision, WriteError> {
        let key = key.into();
        match self.one(Change::put(key.clone(), value, expected)).await?.revision {
            Some(revision) => Ok(revision),
            None => Err(WriteError::NotFound { key }),
        }
    }

    /// Deletes a key, if it is as expected, and gives the revision of the deletion and the last entry once the
    /// deletion is durable.
    ///
    /// Who stops waiting for the answer leaves open whether the deletion happens.
    ///
    /// # Errors
    ///
    /// [`WriteError::NotFound`] if there is no such key, [`WriteError::Conflict`] if it isn't as expected, others if
    /// the state can't be reached.
    pub async fn delete(&self, key: impl Into<String>, expected: Expected) -> Result<(Revision, Entry), WriteError> {
        let key = key.into();
        let deleted = match self.one(Change::delete(key.clone(), expected)).await {
            Err(WriteError::Conflict { current: None, .. }) => return Err(WriteError::NotFound { key }),
            deleted => deleted?,
        };
        match (deleted.revision, deleted.before) {
            (Some(revision), Some(entry)) => Ok((revision, entry)),
            _ => Err(WriteError::NotFound { key }),
        }
    }

    async fn one(&self, change: Change) -> Result<Changed, WriteError> {
        let key = change.key.clone();
        let done = self.commit(vec![change]).await?.pop();
        done.ok_or(WriteError::NotFound { key })
    }

    /// Makes all of the changes, if every key is as expected, or none of them. Tells what came of each, in their
    /// order, once they are durable.
    ///
    /// Who stops waiting for the answer leaves open whether the changes happen.
    ///
    /// # Errors
    ///
    /// [`WriteError::Conflict`] of the first key that isn't as expected, [`WriteError::Twice`] if a key is named
    /// twice, others if a key or a value can't be stored, or the state can't be reached.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Changed>, WriteError> {
        check(&changes)?;
        self.0.commit(changes).await
    }

    /// Follows the changes of the keys that start with `prefix`, from the first one after `from`.
    ///
    /// # Errors
    ///
    /// [`Error::Compacted`] if these are gone, [`Error::Future`] if `from` isn't written yet;
    /// [`Error::Storage`] if the state can't be reached, [`Error::Closed`] if the store was closed.
    pub async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch, Error> {
        self.0.watch(prefix, from).await
    }

    /// Forgets history up to a revision: older states can't be listed any more, nor can older changes be watched.
    ///
    /// # Errors
    ///
    /// [`Error::Future`] if the revision isn't written yet; [`Error::Storage`] if the state can't be reached,
    /// [`Error::Closed`] if the store was closed.
    pub async fn compact(&self, revision: Revision) -> Result<(), Error> {
        self.0.compact(revision).await
    }

    /// Why the state can't be written at the moment, if that is known: a write has failed, and since then none was done.
    /// Where nobody writes, it is tried by writing as much as failed.
    pub async fn trouble(&self) -> Option<StorageFailure> {
        let known = self.0.trouble()?;
        match self.0.probe().await {
            Ok(()) => None,
            Err(Error::Storage(failure)) => Some(failure),
            Err(_) => Some(known),
        }
    }

    /// Why the state is not where it belongs any more, such as that its file was removed, if it is not: nothing is written then.
    /// That costs a look at the name of the file.
    pub fn lost(&self) -> Option<StorageFailure> {
        self.0.lost()
    }

    /// Closes the store for everybody who has this handle or a clone of it: writes that came before are done first,
    /// watches end, and everything else fails with [`Error::Closed`].
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// Whether these changes can be stored, whatever is there.
fn check(changes: &[Change]) -> Result<(), WriteError> {
    for (index, change) in changes.iter().enumerate() {
        let key = &change.key;
        if key.is_empty() || key.len() > MAX_KEY_SIZE {
            return Err(WriteError::InvalidKey { size: key.len(), limit: MAX_KEY_SIZE });
        }
        let size = change.value().map_or(0, Bytes::len);
        if size > MAX_VALUE_SIZE {
            return Err(WriteError::TooLarge { key: key.clone(), size, limit: MAX_VALUE_SIZE });
        }
        if changes.iter().skip(index + 1).any(|other| other.key == *key) {
            return Err(WriteError::Twice { key: key.clone() });
        }
    }
    Ok(())
}
