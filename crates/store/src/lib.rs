//! Revisioned key-value storage with watch, in one file.
//!
//! Every write gets the next [`Revision`], and a write is acknowledged when it is on disk: what was acknowledged
//! survives the process and the machine. Writers that wait at the same time share one flush of the disk.
//! Reads see the latest state or the state at any revision that isn't compacted yet; a [`Watch`] gives
//! every change after a revision, in order, without gaps and without repeating itself, also across a restart.
//!
//! ```
//! use bytes::Bytes;
//! use cowherd_store::{Expected, ListOptions, Options, Store};
//! use futures::StreamExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let store = Store::open(dir.path().join("state.redb"), Options::default())?;
//! let before = store.revision();
//! let written = store.put("cows/berta", Bytes::from("brown"), Expected::Absent).await?;
//! store.put("cows/berta", Bytes::from("white"), Expected::At(written)).await?;
//!
//! let page = store.list("cows/", ListOptions::default()).await?;
//! assert_eq!(page.entries[0].value, "white");
//!
//! let mut watch = store.watch("cows/", before).await?;
//! let first = watch.next().await.ok_or("the watch ended")??;
//! assert_eq!(first.value, "brown");
//! # Ok(())
//! # }
//! ```
//!
//! In the file, keys point at the revision that wrote them last,
//! values and the log of changes are kept by revision. So a value is written once, however often it is listed,
//! watched or superseded, and counting keys reads no value.

mod commit;
mod compaction;
mod engine;
mod error;
#[cfg(test)]
mod faults;
mod hub;
mod layout;
mod listing;
mod model;
mod options;
mod snapshot;
mod store;
mod watch;
mod writer;

pub use error::{Error, OpenError, StorageFailure, WriteError};
pub use model::{Entry, Event, EventKind, Expected, ListOptions, Page, Revision};
pub use options::Options;
pub use store::{MAX_KEY_SIZE, MAX_VALUE_SIZE, Store};
pub use watch::Watch;
