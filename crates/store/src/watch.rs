//! Following changes.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;

use crate::error::Error;
use crate::hub::{Taken, WatcherId};
use crate::model::{Event, Revision};
use crate::store::Shared;

/// The changes of the keys with a prefix after a revision: a stream of events, in the order of their revisions,
/// each exactly once.
///
/// A watcher may be as slow as it likes: it holds a bounded number of events, and reads the file when it is
/// behind. When what it needs next is compacted, the stream gives [`Error::Compacted`] and ends. It also ends,
/// without an error, when the store is closed. A watch doesn't keep its store open.
pub struct Watch {
    shared: Arc<Shared>,
    id: WatcherId,
    prefix: String,
    /// Everything up to here is delivered or in `ready`.
    cursor: u64,
    ready: VecDeque<Event>,
    ended: bool,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, prefix: &str, from: u64) -> Self {
        let id = shared.hub.register(prefix, from);
        Self { shared, id, prefix: prefix.into(), cursor: from, ready: VecDeque::new(), ended: false }
    }

    /// The revision up to which every change of the prefix was delivered: a watch that starts there misses nothing.
    /// It goes on also while only other keys change.
    pub fn progress(&self) -> Revision {
        match self.ready.front() {
            Some(next) => Revision(next.revision.0 - 1),
            None => Revision(self.shared.hub.reached(self.id, self.cursor)),
        }
    }

    /// Reads events from the file. There may be none for this prefix in the stretch that was read.
    fn read_log(&mut self) -> Result<(), Error> {
        let snapshot = self.shared.snapshot()?;
        let failed = |error| self.shared.engine.failed(&error);
        let compacted = snapshot.compacted().map_err(failed)?;
        if self.cursor < compacted {
            return Err(Error::Compacted { oldest: Revision(compacted) });
        }
        let (events, reached) = snapshot.events(&self.prefix, self.cursor).map_err(failed)?;
        self.ready = events.into();
        self.cursor = reached;
        self.shared.hub.caught_up(self.id, reached);
        Ok(())
    }

    /// Gets the next events into `ready`, or says why there are none.
    fn poll_fill(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        match self.shared.hub.take(self.id, &mut self.cursor, context.waker()) {
            Taken::Events(events) => self.ready = events,
            Taken::Nothing => return Poll::Pending,
            Taken::Closed => self.ended = true,
            Taken::Behind => {
                self.read_log()?;
                if self.ready.is_empty() {
                    // Only other keys in this stretch. Others get the thread before the next one.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for Watch {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watch = self.get_mut();
        if watch.ready.is_empty() && !watch.ended {
            match watch.poll_fill(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    watch.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(watch.ready.pop_front().map(Ok))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.hub.unregister(self.id);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("prefix", &self.prefix).field("progress", &self.progress()).finish()
    }
}
