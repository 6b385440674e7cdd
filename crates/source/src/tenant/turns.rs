//! How many large packs are taken apart at a time, or large indexes and charts, and whose.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::Cancel;
use crate::deadline::Deadline;
use crate::objects::lock;

/// How many of one kind that are large are taken apart at a time.
const AT_A_TIME: usize = 2;
/// How often it is looked whether somebody who waits for a turn still wants it.
const GLANCE: Duration = Duration::from_millis(200);

/// The turns in which what is large and of one kind is taken apart: two at a time, of which no two are of the same queue. The queue
/// that had none for the longest time is next.
///
/// Clones are the same. What is small needs no turn.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    running: HashSet<String>,
    /// By number, in the order in which they came.
    waiting: Vec<(u64, String)>,
    /// When somebody who still waits or is at it had a turn last, as the number of that.
    served: HashMap<String, u64>,
}

/// Where fetches on behalf of the same, such as a namespace, wait for a turn.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    turns: Turns,
    whose: String,
}

/// The right to take apart what is large. It ends with this.
pub(crate) struct Turn(Queue);

impl Turns {
    /// The queue of `whose`.
    pub(super) fn queue(&self, whose: impl Into<String>) -> Queue {
        Queue { turns: self.clone(), whose: whose.into() }
    }
}

impl Queue {
    /// Waits for a turn; `None` where it was too late, or nobody wanted it any more, before there was one.
    pub(super) fn turn(&self, deadline: Deadline, cancel: &Cancel) -> Option<Turn> {
        let Self { turns: Turns(inner), whose } = self;
        let mut state = lock(&inner.state);
        state.count += 1;
        let number = state.count;
        state.waiting.push((number, whose.clone()));
        while state.next() != Some(number) {
            if cancel.is_cancelled() || deadline.passed() {
                state.waiting.retain(|(waiting, _)| *waiting != number);
                state.forget(whose);
                drop(state);
                inner.changed.notify_all();
                return None;
            }
            let waited = inner.changed.wait_timeout(state, deadline.remaining().min(GLANCE));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.retain(|(waiting, _)| *waiting != number);
        state.running.insert(whose.clone());
        drop(state);
        inner.changed.notify_all();
        Some(Turn(self.clone()))
    }
}

impl State {
    /// The number of who may begin now.
    fn next(&self) -> Option<u64> {
        if self.running.len() >= AT_A_TIME {
            return None;
        }
        let may_begin = self.waiting.iter().filter(|(_, whose)| !self.running.contains(whose));
        let first = may_begin.min_by_key(|(number, whose)| (self.served.get(whose).copied(), *number));
        first.map(|(number, _)| *number)
    }

    /// Forgets when somebody was served who wants nothing any more.
    fn forget(&mut self, whose: &str) {
        if !self.running.contains(whose) && !self.waiting.iter().any(|(_, waiting)| waiting == whose) {
            self.served.remove(whose);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Queue { turns: Turns(inner), whose } = &self.0;
        let mut state = lock(&inner.state);
        state.count += 1;
        let number = state.count;
        state.running.remove(whose);
        state.served.insert(whose.clone(), number);
        state.forget(whose);
        drop(state);
        inner.changed.notify_all();
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("running", &lock(&self.0.state).running.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::JoinHandle;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn turn(queue: &Queue, timeout: Duration) -> Option<Turn> {
        queue.turn(Deadline::after(timeout), &Cancel::default())
    }

    /// Takes a turn on a thread of its own, tells its name when it has it, and ends it when the sender is dropped.
    fn ask(turns: &Turns, whose: &'static str, told: &Sender<&'static str>) -> (Sender<()>, JoinHandle<()>) {
        let (end, ended) = channel::<()>();
        let (queue, told) = (turns.queue(whose), told.clone());
        let before = lock(&turns.0.state).count;
        let thread = std::thread::spawn(move || {
            let turn = turn(&queue, PATIENCE).unwrap();
            told.send(whose).unwrap();
            let _ = ended.recv();
            drop(turn);
        });
        while lock(&turns.0.state).count == before {
            std::thread::yield_now();
        }
        (end, thread)
    }

    fn next(begun: &Receiver<&'static str>) -> &'static str {
        begun.recv_timeout(PATIENCE).unwrap()
    }

    #[test]
    fn one_of_each_has_its_turn_and_who_had_one_goes_behind_who_had_none() {
        let turns = Turns::default();
        let (told, begun) = channel();
        let first = ask(&turns, "a", &told);
        assert_eq!(next(&begun), "a");
        let others: Vec<_> = ["a", "a", "a"].map(|whose| ask(&turns, whose, &told)).into();
        let second = ask(&turns, "b", &told);
        assert_eq!(next(&begun), "b", "there is room for one more, and none for another of the same");
        let third = ask(&turns, "c", &told);
        assert!(begun.try_recv().is_err());
        drop(first.0);
        assert_eq!(next(&begun), "c", "it came last, and had no turn yet");
        drop((second.0, third.0));
        assert_eq!(next(&begun), "a");
        drop(others);
    }

    #[test]
    fn who_has_no_time_left_goes_without_and_nothing_is_remembered() {
        let turns = Turns::default();
        let held = turn(&turns.queue("a"), PATIENCE).unwrap();
        assert!(turn(&turns.queue("a"), Duration::from_millis(1)).is_none());
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(turns.queue("a").turn(Deadline::after(PATIENCE), &cancel).is_none());
        drop(held);
        let state = lock(&turns.0.state);
        assert!(state.waiting.is_empty() && state.running.is_empty() && state.served.is_empty());
    }
}
