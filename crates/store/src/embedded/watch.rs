//! Following the changes in the file.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;

use super::Shared;
use super::hub::{Taken, WatcherId};
use crate::backend::Changes;
use crate::error::Error;
use crate::model::{Event, Revision};

/// A watch of the file: reads what it fell behind with, and waits for the rest to be told.
pub(crate) struct Following {
    shared: Arc<Shared>,
    id: WatcherId,
    prefix: String,
    /// Everything up to here is delivered or in `ready`.
    cursor: u64,
    ready: VecDeque<Event>,
    ended: bool,
}

impl Following {
    pub(crate) fn new(shared: Arc<Shared>, prefix: &str, from: u64) -> Self {
        let id = shared.hub.register(prefix, from);
        Self { shared, id, prefix: prefix.into(), cursor: from, ready: VecDeque::new(), ended: false }
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

impl Stream for Following {
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

impl Changes for Following {
    fn progress(&self) -> Revision {
        match self.ready.front() {
            Some(next) => Revision(next.revision.0 - 1),
            None => Revision(self.shared.hub.reached(self.id, self.cursor)),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.shared.hub.unregister(self.id);
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("prefix", &self.prefix).field("progress", &self.progress()).finish()
    }
}
