//! Revisioned key-value storage with watch.
//!
//! Every write gets the next [`Revision`], and a write is acknowledged when it is on disk: what was acknowledged
//! survives the process and the machine. Several keys change together or not at all ([`Store::commit`]).
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
//! let before = store.revision().await?;
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
//! A [`Store`] is a handle on a [`Backend`]: that of this crate is [`Embedded`], a file of this process. Nothing that has a
//! store may assume that it is the only one to write, or that the state is near.

mod backend;
mod embedded;
mod error;
mod model;
mod store;
mod watch;

pub use backend::{Backend, Changes};
pub use embedded::{Embedded, Options};
pub use error::{Error, OpenError, StorageFailure, WriteError};
pub use model::{Action, Change, Changed, Entry, Event, EventKind, Expected, ListOptions, Page, Revision};
pub use store::{MAX_KEY_SIZE, MAX_VALUE_SIZE, Store};
pub use watch::Watch;
