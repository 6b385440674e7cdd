//! A queue of keys to reconcile: each at most once at a time, with backoff after failures and timers.

mod appointments;
mod backoff;
#[cfg(test)]
mod model_tests;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::metrics::{QueueMetrics, Sampled};
use appointments::Appointments;
pub use backoff::Backoff;

/// Keys that wait to be reconciled.
///
/// A key that is added while it waits is reconciled once; one that is added while it is being reconciled, once more
/// afterwards. A key is never given out twice at a time. It has one appointment at most, the soonest that was asked
/// for; a reconciliation that starts before satisfies it, as it says itself when to come back.
pub struct Queue<K> {
    inner: Arc<Inner<K>>,
}

struct Inner<K> {
    state: Mutex<State<K>>,
    ready: Notify,
    backoff: Backoff,
    metrics: QueueMetrics,
}

struct State<K> {
    /// Keys that can be given out, in order.
    waiting: VecDeque<K>,
    /// Since when keys are to be reconciled: those that wait, and those that run and are to run once more.
    wanted: HashMap<K, Instant>,
    /// Since when keys are being reconciled.
    running: HashMap<K, Instant>,
    appointments: Appointments<K>,
    /// How often in a row a key failed.
    failures: HashMap<K, u32>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// What a reconciliation asks for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Wait,
    /// Another reconciliation after this time.
    After(Duration),
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// An empty queue.
    pub fn new(backoff: Backoff) -> Self {
        Self::measured(backoff, QueueMetrics::default())
    }

    /// An empty queue that is measured.
    pub(crate) fn measured(backoff: Backoff, metrics: QueueMetrics) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            wanted: HashMap::new(),
            running: HashMap::new(),
            appointments: Appointments::default(),
            failures: HashMap::new(),
        };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), ready: Notify::new(), backoff, metrics }) }
    }

    /// What tells how long reconciliations have been running when metrics are read.
    pub(crate) fn sampled(&self) -> Weak<dyn Sampled>
    where
        K: Send + 'static,
    {
        let inner: Arc<dyn Sampled> = Arc::<Inner<K>>::clone(&self.inner);
        Arc::downgrade(&inner)
    }

    /// Adds a key.
    pub fn add(&self, key: K) {
        let mut state = self.state();
        let is_new = state.want(key, Instant::now());
        if is_new {
            self.inner.metrics.added(state.waiting.len());
            drop(state);
            self.inner.ready.notify_one();
        }
    }

    /// Adds a key after a time, unless it is to be added sooner anyway.
    pub fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        if self.state().appointments.set(key, Instant::now() + delay) {
            // Whoever waits for the first appointment waits for another one now.
            self.inner.ready.notify_one();
        }
    }

    /// The next key, when there is one.
    pub async fn take(&self) -> Work<K> {
        loop {
            let ready = self.inner.ready.notified();
            let next = {
                let mut state = self.state();
                let now = Instant::now();
                if let Some(work) = self.take_due(&mut state, now) {
                    return work;
                }
                state.appointments.first()
            };
            match next {
                Some(at) => tokio::select! {
                    () = ready => {}
                    () = sleep_until(at) => {}
                },
                None => ready.await,
            }
        }
    }

    fn take_due(&self, state: &mut State<K>, now: Instant) -> Option<Work<K>> {
        while let Some(key) = state.appointments.take_due(now) {
            if state.want(key, now) {
                self.inner.metrics.added(state.waiting.len());
            }
        }
        let key = state.waiting.pop_front()?;
        let since = state.wanted.remove(&key).unwrap_or(now);
        state.running.insert(key.clone(), now);
        state.appointments.cancel(&key);
        self.inner.metrics.taken(state.waiting.len(), now - since);
        if !state.waiting.is_empty() {
            self.inner.ready.notify_one();
        }
        Some(Work { queue: self.clone(), key, since: now, done: false })
    }

    /// How many keys can be given out now.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many keys have an appointment.
    pub fn appointed(&self) -> usize {
        self.state().appointments.len()
    }

    fn finish(&self, key: &K, outcome: Outcome) -> Option<Duration> {
        let mut state = self.state();
        let again = match outcome {
            Outcome::Done(next) => {
                state.failures.remove(key);
                match next {
                    Next::Wait => None,
                    Next::After(delay) => Some(delay),
                }
            }
            Outcome::Failed => {
                let failures = state.failures.entry(key.clone()).or_default();
                let delay = self.inner.backoff.delay(*failures);
                *failures = failures.saturating_add(1);
                self.inner.metrics.retried();
                Some(delay)
            }
        };
        state.running.remove(key);
        if let Some(delay) = again {
            state.appointments.set(key.clone(), Instant::now() + delay);
        }
        if state.wanted.contains_key(key) {
            state.waiting.push_back(key.clone());
            self.inner.metrics.depth(state.waiting.len());
        }
        drop(state);
        // A key waits again, or whoever waits for the first appointment may wait for another one now.
        self.inner.ready.notify_one();
        again
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    /// Takes note that a key is to be reconciled; whether it can be given out only now.
    fn want(&mut self, key: K, now: Instant) -> bool {
        if self.wanted.contains_key(&key) {
            return false;
        }
        self.wanted.insert(key.clone(), now);
        if self.running.contains_key(&key) {
            return false;
        }
        self.waiting.push_back(key);
        true
    }
}

impl<K: Send> Sampled for Inner<K> {
    fn sample(&self) {
        let now = Instant::now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ages = state.running.values().map(|since| now - *since);
        self.metrics.running(ages.clone().sum(), ages.max().unwrap_or_default());
    }
}

enum Outcome {
    Done(Next),
    Failed,
}

/// A key that was given out. Work that is dropped undone counts as failed.
pub struct Work<K: Clone + Eq + Hash> {
    queue: Queue<K>,
    key: K,
    since: Instant,
    done: bool,
}

impl<K: Clone + Eq + Hash> Work<K> {
    /// What is to be reconciled.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// How long it has been since the key was given out.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// The work is done; the key comes back when `next` says.
    pub fn succeeded(mut self, next: Next) {
        self.end(Outcome::Done(next));
    }

    /// The work failed; the key comes back after the delay, which grows with each failure in a row.
    pub fn failed(mut self) -> Duration {
        self.end(Outcome::Failed).unwrap_or_default()
    }

    fn end(&mut self, outcome: Outcome) -> Option<Duration> {
        self.done = true;
        self.queue.inner.metrics.worked(self.elapsed());
        self.queue.finish(&self.key, outcome)
    }
}

impl<K: Clone + Eq + Hash> Drop for Work<K> {
    fn drop(&mut self) {
        if !self.done {
            self.end(Outcome::Failed);
        }
    }
}
