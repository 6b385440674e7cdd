//! What a store must be able to do, wherever it keeps its state.

use std::fmt;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream};

use crate::error::{Error, StorageFailure, WriteError};
use crate::model::{Change, Changed, Entry, Event, ListOptions, Page, Revision};
use crate::watch::Watch;

/// What a [`Store`](crate::Store) needs of the place that keeps its state: a file of this process, or servers elsewhere
/// that others write to as well.
///
/// The operations are those of etcd, no more: compare-and-swap by revision over a few keys at once, ranges at a
/// revision, watches from a revision, compaction. `tests/suite` says in full what must hold.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// The latest revision: no write that anybody was told of before the call has a higher one.
    fn revision(&self) -> BoxFuture<'_, Result<Revision, Error>>;

    /// The latest entry of a key.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>>;

    /// The entries of a prefix in the order of their keys, at one revision.
    fn list<'a>(&'a self, prefix: &'a str, options: ListOptions) -> BoxFuture<'a, Result<Page, Error>>;

    /// Makes all of the changes or none, and tells what came of each once they are durable. No key is named twice.
    ///
    /// The changes may get one revision together or one each, in their order and with no other write in between.
    /// Once begun it runs to its end, also for somebody who stops waiting.
    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Changed>, WriteError>>;

    /// The changes of a prefix after a revision.
    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>>;

    /// Forgets history up to a revision.
    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>>;

    /// Why the last write failed, if the state could not be written. What others write may not be known.
    fn trouble(&self) -> Option<StorageFailure> {
        None
    }

    /// Why the state is not where it belongs any more, so that nothing is written, if it is not.
    fn lost(&self) -> Option<StorageFailure> {
        None
    }

    /// Finds out whether the state can be written again, by writing as much as failed last.
    fn probe(&self) -> BoxFuture<'_, Result<(), Error>> {
        async { Ok(()) }.boxed()
    }

    /// Lets go of the state; everything after it fails.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The changes of a prefix as they are told: see [`Watch`].
pub trait Changes: Stream<Item = Result<Event, Error>> + fmt::Debug + Send {
    /// The revision up to which every change of the prefix was delivered.
    fn progress(&self) -> Revision;
}
