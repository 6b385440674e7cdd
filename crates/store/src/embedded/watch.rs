//! Following the changes in the file.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::BoxFuture;

use super::access::{Access, Trials};
use super::hub::{Taken, WatcherId};
use super::snapshot::Snapshot;
use crate::backend::Changes;
use crate::error::Error;
use crate::model::{Event, Revision};

/// A watch of the file: reads what it fell behind with, and waits for the rest to be told.
pub(crate) struct Following {
    access: Access,
    id: WatcherId,
    prefix: String,
    /// Everything up to here is delivered or in `ready`.
    cursor: u64,
    ready: VecDeque<Event>,
    ended: bool,
    trials: Trials,
    /// Until the file is open again, where reading it failed.
    waiting: Option<BoxFuture<'static, Result<(), Error>>>,
}

impl Following {
    pub(crate) fn new(access: Access, prefix: &str, from: u64) -> Self {
        let id = access.shared.hub.register(prefix, from);
        let (ready, trials) = (VecDeque::new(), Trials::new());
        Self { access, id, prefix: prefix.into(), cursor: from, ready, ended: false, trials, waiting: None }
    }

    /// Reads events from the file. There may be none for this prefix in the stretch that was read.
    fn read_log(&mut self) -> Result<(), Error> {
        let read = |snapshot: &Snapshot| {
            let compacted = snapshot.compacted()?;
            Ok((compacted, snapshot.events(&self.prefix, self.cursor)?))
        };
        let (compacted, (events, reached)) = self.access.shared.read(read)?;
        if self.cursor < compacted {
            return Err(Error::Compacted { oldest: Revision(compacted) });
        }
        self.ready = events.into();
        self.cursor = reached;
        self.access.shared.hub.caught_up(self.id, reached);
        Ok(())
    }

    /// Gets the next events into `ready`, or says why there are none.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(context))?;
            self.waiting = None;
        }
        match self.access.shared.hub.take(self.id, &mut self.cursor, context.waker()) {
            Taken::Events(events) => self.ready = events,
            Taken::Nothing => return Poll::Pending,
            Taken::Closed => self.ended = true,
            Taken::Behind => {
                let generation = self.access.shared.engine.generation();
                match self.read_log() {
                    Err(Error::Storage(failure)) => {
                        self.waiting = Some(self.trials.wait(&self.access, generation, failure));
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    done => done?,
                }
                self.trials = Trials::new();
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
            None => Revision(self.access.shared.hub.reached(self.id, self.cursor)),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.access.shared.hub.unregister(self.id);
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("prefix", &self.prefix).field("progress", &self.progress()).finish()
    }
}
