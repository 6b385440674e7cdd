//! Following changes.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use crate::backend::Changes;
use crate::error::Error;
use crate::model::{Event, Revision};

/// The changes of the keys with a prefix after a revision: a stream of events, in the order of their revisions,
/// each exactly once.
///
/// A watcher may be as slow as it likes: it holds a bounded number of events. When what it needs next is compacted,
/// the stream gives [`Error::Compacted`] and ends. It also ends, without an error, when the store is closed. A watch
/// doesn't keep its store open.
#[derive(Debug)]
pub struct Watch(Pin<Box<dyn Changes>>);

impl Watch {
    /// A watch of what a backend tells.
    pub fn new(changes: impl Changes + 'static) -> Self {
        Self(Box::pin(changes))
    }

    /// The revision up to which every change of the prefix was delivered: a watch that starts there misses nothing.
    /// It goes on also while only other keys change.
    pub fn progress(&self) -> Revision {
        self.0.progress()
    }
}

impl Stream for Watch {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}
