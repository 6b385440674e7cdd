//! Who is told of changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::panics::caught_call;

/// Called with an object before and after a change; one of the two is missing where it came or went.
pub(super) type Callback<K> = Arc<dyn Fn(Option<&K>, Option<&K>) + Send + Sync>;

pub(super) struct Subscribers<K> {
    callbacks: RwLock<(u64, BTreeMap<u64, Callback<K>>)>,
}

impl<K> Default for Subscribers<K> {
    fn default() -> Self {
        Self { callbacks: RwLock::default() }
    }
}

impl<K> Subscribers<K> {
    pub(super) fn add(&self, callback: Callback<K>) -> u64 {
        let mut callbacks = self.callbacks.write().unwrap_or_else(PoisonError::into_inner);
        callbacks.0 += 1;
        let id = callbacks.0;
        callbacks.1.insert(id, callback);
        id
    }

    pub(super) fn remove(&self, id: u64) {
        self.callbacks.write().unwrap_or_else(PoisonError::into_inner).1.remove(&id);
    }

    /// Tells all. One that panics disturbs neither the others nor whoever brought the news.
    pub(super) fn tell(&self, before: Option<&K>, after: Option<&K>) {
        // They are called without the lock: one may end another's subscription, or make one.
        let callbacks: Vec<_> =
            self.callbacks.read().unwrap_or_else(PoisonError::into_inner).1.values().map(Arc::clone).collect();
        for callback in callbacks {
            tell(&callback, before, after);
        }
    }
}

/// Tells one.
pub(super) fn tell<K>(callback: &Callback<K>, before: Option<&K>, after: Option<&K>) {
    if let Err(panic) = caught_call(|| callback(before, after)) {
        tracing::error!(kind = std::any::type_name::<K>(), panic, "a subscriber of changes panicked");
    }
}

/// As long as it is there, its callback is called.
#[must_use = "it ends when this is dropped"]
pub struct Subscription(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Subscription {
    pub(super) fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}
