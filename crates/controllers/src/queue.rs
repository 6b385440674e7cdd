//! A queue of keys to reconcile: each at most once at a time, with backoff after failures.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Error;

const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const LAST_BACKOFF: Duration = Duration::from_secs(60);

/// Keys that wait to be reconciled.
///
/// A key that is added while it waits is reconciled once; one that is added while it is being reconciled, once
/// more afterwards. Two workers never hold the same key.
pub struct Queue<K> {
    inner: Arc<Inner<K>>,
}

struct Inner<K> {
    state: Mutex<State<K>>,
    ready: Notify,
}

struct State<K> {
    waiting: VecDeque<K>,
    queued: HashSet<K>,
    running: HashSet<K>,
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

impl<K: Clone + Eq + Hash + std::fmt::Debug + Send + Sync + 'static> Queue<K> {
    pub fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            running: HashSet::new(),
            failures: HashMap::new(),
        };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), ready: Notify::new() }) }
    }

    /// Adds a key.
    pub fn add(&self, key: K) {
        let mut state = self.state();
        if state.queued.insert(key.clone()) && !state.running.contains(&key) {
            state.waiting.push_back(key);
            drop(state);
            self.inner.ready.notify_one();
        }
    }

    /// Adds a key after a time.
    pub fn add_after(&self, key: K, delay: Duration) {
        let queue = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            queue.add(key);
        });
    }

    /// Reconciles keys as they come, `workers` at a time, for ever.
    pub async fn work<F>(self, name: &'static str, workers: usize, reconcile: impl Fn(K) -> F + Clone + Send + 'static)
    where
        F: Future<Output = Result<Next, Error>> + Send,
    {
        let mut pool = JoinSet::new();
        for _ in 0..workers {
            let (queue, reconcile) = (self.clone(), reconcile.clone());
            pool.spawn(async move {
                loop {
                    let key = queue.take().await;
                    let outcome = reconcile(key.clone()).await;
                    queue.finish(name, key, outcome);
                }
            });
        }
        while pool.join_next().await.is_some() {}
    }

    async fn take(&self) -> K {
        loop {
            let ready = self.inner.ready.notified();
            {
                let mut state = self.state();
                if let Some(key) = state.waiting.pop_front() {
                    state.queued.remove(&key);
                    state.running.insert(key.clone());
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        self.inner.ready.notify_one();
                    }
                    return key;
                }
            }
            ready.await;
        }
    }

    fn finish(&self, name: &'static str, key: K, outcome: Result<Next, Error>) {
        let again = match &outcome {
            Ok(Next::After(delay)) => Some(*delay),
            Ok(Next::Wait) => None,
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                let failures = self.state().failures.get(&key).copied().unwrap_or(0);
                let delay = FIRST_BACKOFF.saturating_mul(1 << failures.min(14)).min(LAST_BACKOFF);
                if error.is_conflict() {
                    tracing::debug!(controller = name, ?key, %error, "changed meanwhile");
                } else {
                    tracing::warn!(controller = name, ?key, %error, ?delay, "reconciliation failed; trying again");
                }
                Some(delay)
            }
        };
        let mut state = self.state();
        match outcome {
            Ok(_) => drop(state.failures.remove(&key)),
            Err(_) => *state.failures.entry(key.clone()).or_default() += 1,
        }
        if again.is_none() {
            state.failures.remove(&key);
        }
        state.running.remove(&key);
        if state.queued.contains(&key) {
            state.waiting.push_back(key);
            drop(state);
            self.inner.ready.notify_one();
            return;
        }
        drop(state);
        if let Some(delay) = again {
            self.add_after(key, delay);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_key_added_while_it_runs_runs_once_more_and_never_twice_at_a_time() {
        let queue: Queue<u32> = Queue::new();
        let (runs, at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, overlapping, again) = (Arc::clone(&runs), Arc::clone(&at_once), queue.clone());
        let work = queue.clone().work("test", 4, move |key| {
            let (runs, at_once, again) = (Arc::clone(&counted), Arc::clone(&overlapping), again.clone());
            async move {
                assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0);
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    again.add(key);
                    again.add(key);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(Next::Wait)
            }
        });
        queue.add(1);
        queue.add(1);
        let _ = tokio::time::timeout(Duration::from_millis(200), work).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failure_is_tried_again() {
        let queue: Queue<u32> = Queue::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let work = queue.clone().work("test", 1, move |_| {
            let runs = Arc::clone(&counted);
            async move {
                match runs.fetch_add(1, Ordering::SeqCst) {
                    0..3 => Err(Error::Incomplete("luck")),
                    _ => Ok(Next::Wait),
                }
            }
        });
        queue.add(1);
        let _ = tokio::time::timeout(Duration::from_millis(500), work).await;
        assert_eq!(runs.load(Ordering::SeqCst), 4);
    }
}
