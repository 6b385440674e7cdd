//! Telling watchers what was written.
//!
//! The hub keeps the most recent events and knows for every watcher which of them is the first that concerns it.
//! So a write wakes the watchers of its key and no others, a watcher of a quiet prefix is never behind,
//! and nothing is queued per watcher: one that falls out of the window reads the log in the file.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::options::Options;
use crate::model::Event;

/// The most events, and bytes of events, that a watcher holds at once, but for a single larger one.
const EVENTS_AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 64 * 1024;

/// How many bytes of events are kept of a store that nobody writes to: who watches has them by then.
const AT_REST: usize = 128 * 1024;

/// Recent events and who waits for them.
pub(crate) struct Hub(Mutex<State>);

struct State {
    /// The revision of the last event.
    head: u64,
    /// The revision up to which history is gone from the file.
    compacted: u64,
    /// The events before and at `head`, without gaps.
    window: VecDeque<Event>,
    window_size: usize,
    most_events: usize,
    most_bytes: usize,
    watchers: HashMap<WatcherId, Watcher>,
    next_id: u64,
    closed: bool,
}

/// Names a watcher in the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WatcherId(u64);

struct Watcher {
    prefix: String,
    /// No event up to this revision concerns the watcher that it hasn't got yet; nor does any up to the head if this
    /// is nothing.
    behind_at: Option<u64>,
    waker: Option<Waker>,
}

/// What there was for a watcher.
pub(crate) enum Taken {
    /// Some events.
    Events(VecDeque<Event>),
    /// Nothing new; it will be woken.
    Nothing,
    /// The next events are no longer in memory.
    Behind,
    /// Nothing new, and nothing will come.
    Closed,
}

impl Hub {
    pub(crate) fn new(options: &Options, head: u64, compacted: u64) -> Self {
        Self(Mutex::new(State {
            head,
            compacted,
            window: VecDeque::new(),
            window_size: 0,
            most_events: options.window_events,
            most_bytes: options.window_size,
            watchers: HashMap::new(),
            next_id: 0,
            closed: false,
        }))
    }

    /// The revision of the last published write.
    pub(crate) fn head(&self) -> u64 {
        self.state().head
    }

    /// The revision up to which history is gone.
    pub(crate) fn compacted(&self) -> u64 {
        self.state().compacted
    }

    /// History is gone up to here.
    pub(crate) fn set_compacted(&self, revision: u64) {
        self.state().compacted = revision;
    }

    /// Takes events in that follow the head without a gap, and wakes those whom they concern.
    pub(crate) fn publish(&self, events: Vec<Event>) {
        let mut state = self.state();
        let wakers = state.announce(&events);
        for event in events {
            state.head = event.revision.0;
            state.window_size += event.size();
            state.window.push_back(event);
        }
        state.trim();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Goes on after a revision whose history is gone already: those who have not read it learn that from the file.
    pub(crate) fn skip_to(&self, revision: u64) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.head, revision);
        state.window_size = 0;
        state.window.clear();
        let wakers: Vec<Waker> = state
            .watchers
            .values_mut()
            .filter_map(|watcher| {
                watcher.behind_at.get_or_insert(before);
                watcher.waker.take()
            })
            .collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nobody has written for a while: most of what was is given up. Who is behind reads the file.
    pub(crate) fn rest(&self) {
        let mut state = self.state();
        let most = state.most_bytes.min(AT_REST);
        state.trim_to(most);
        state.window.shrink_to_fit();
    }

    /// Ends all watches once they have what the window holds.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let wakers: Vec<Waker> = state.watchers.values_mut().filter_map(|watcher| watcher.waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Adds a watcher that has everything up to `from`.
    pub(crate) fn register(&self, prefix: &str, from: u64) -> WatcherId {
        let mut state = self.state();
        let id = WatcherId(state.next_id);
        state.next_id += 1;
        let behind_at = (from < state.head).then_some(from);
        state.watchers.insert(id, Watcher { prefix: prefix.into(), behind_at, waker: None });
        id
    }

    /// Forgets a watcher.
    pub(crate) fn unregister(&self, id: WatcherId) {
        // Dropped without the lock: its waker may be the last owner of a task that has a watch itself.
        let watcher = self.state().watchers.remove(&id);
        drop(watcher);
    }

    /// The next events of a watcher that has everything up to `cursor`, which moves to where they end.
    pub(crate) fn take(&self, id: WatcherId, cursor: &mut u64, waker: &Waker) -> Taken {
        // Dropped after the lock, as in `unregister`.
        let _replaced;
        let mut state = self.state();
        let State { head, window, watchers, closed, .. } = &mut *state;
        let Some(watcher) = watchers.get_mut(&id) else { return Taken::Closed };
        *cursor = watcher.reached(*cursor, *head);
        let behind = usize::try_from(head.saturating_sub(*cursor)).unwrap_or(usize::MAX);
        let Some(start) = window.len().checked_sub(behind) else { return Taken::Behind };
        let (mut events, mut size) = (VecDeque::new(), 0);
        for event in window.range(start..) {
            if event.key.starts_with(&watcher.prefix) {
                size += event.size();
                let is_more = events.len() >= EVENTS_AT_ONCE || size > BYTES_AT_ONCE;
                if is_more && !events.is_empty() {
                    break;
                }
                events.push_back(event.clone());
            }
            *cursor = event.revision.0;
        }
        watcher.behind_at = (*cursor < *head).then_some(*cursor);
        if !events.is_empty() {
            return Taken::Events(events);
        }
        if *closed {
            return Taken::Closed;
        }
        _replaced = watcher.waker.replace(waker.clone());
        Taken::Nothing
    }

    /// The watcher has read the file, and has everything up to `cursor`.
    pub(crate) fn caught_up(&self, id: WatcherId, cursor: u64) {
        let mut state = self.state();
        let head = state.head;
        if let Some(watcher) = state.watchers.get_mut(&id) {
            watcher.behind_at = (cursor < head).then_some(cursor);
        }
    }

    /// The revision up to which nothing concerns a watcher beyond what it has, given that it has all up to `cursor`.
    pub(crate) fn reached(&self, id: WatcherId, cursor: u64) -> u64 {
        let state = self.state();
        state.watchers.get(&id).map_or(cursor, |watcher| watcher.reached(cursor, state.head))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    fn reached(&self, cursor: u64, head: u64) -> u64 {
        cursor.max(self.behind_at.unwrap_or(head))
    }
}

impl State {
    /// Notes the first event for each watcher that had all before; gives the wakers of those who wait.
    fn announce(&mut self, events: &[Event]) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for watcher in self.watchers.values_mut().filter(|watcher| watcher.behind_at.is_none()) {
            let first = events.iter().find(|event| event.key.starts_with(&watcher.prefix));
            watcher.behind_at = first.map(|event| event.revision.0 - 1);
            if first.is_some() {
                wakers.extend(watcher.waker.take());
            }
        }
        wakers
    }

    fn trim(&mut self) {
        self.trim_to(self.most_bytes);
    }

    fn trim_to(&mut self, most_bytes: usize) {
        while self.window.len() > self.most_events || self.window_size > most_bytes {
            let Some(event) = self.window.pop_front() else { break };
            self.window_size -= event.size();
        }
    }
}
