//! One watch, for ever, into whatever keeps what it brings.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::runtime::watcher::{self, Event};

use super::Object;
use super::watching::watching;
use crate::{Key, Pulse};

/// What keeps the objects that a watch brings. No call may block.
pub trait Sink<K>: Send + Sync {
    /// An object is there, in this state.
    fn applied(&self, object: K);

    /// An object is gone; this was its last state.
    fn deleted(&self, object: K);

    /// A list has ended: these were in it. What is known besides is gone, unless it came to be after the list.
    fn listed(&self, keys: &HashSet<Key>);
}

/// Hands what a watch brings to a sink, for ever. Interruptions are told to `pulse` and overcome with backoff.
pub async fn follow<K: Object>(api: Api<K>, config: watcher::Config, sink: &impl Sink<K>, pulse: &Pulse) {
    follow_and_relist(api, config, None, sink, pulse).await;
}

/// The same, and lists anew from time to time: of a cluster that was restored no watch says that it went back.
pub async fn follow_and_relist<K: Object>(
    api: Api<K>,
    config: watcher::Config,
    relist: Option<Duration>,
    sink: &impl Sink<K>,
    pulse: &Pulse,
) {
    let mut events = watching(api, config, relist).boxed();
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Err(error) => {
                tracing::debug!(%error, "a watch was interrupted");
                pulse.unwell(interruption(&error));
                continue;
            }
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed.insert(Key::of(&object));
                sink.applied(object);
            }
            Ok(Event::InitDone) => {
                sink.listed(&std::mem::take(&mut listed));
            }
            Ok(Event::Apply(object)) => sink.applied(object),
            Ok(Event::Delete(object)) => sink.deleted(object),
        }
        pulse.well();
    }
}

/// What people are told of a watch that was interrupted: the API's own words, or that there were none; never what was being
/// read.
pub fn interruption(error: &watcher::Error) -> String {
    let api = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status),
        watcher::Error::WatchError(status) => Some(status),
        _ => None,
    };
    match api {
        Some(status) => format!("the watch was refused: {}", status.message),
        None => "the watch was interrupted and is started again".to_owned(),
    }
}

/// A sink that may be gone; then nobody reads what the watch brings.
impl<K: Object> Sink<K> for std::sync::Weak<super::Informer<K>> {
    fn applied(&self, object: K) {
        if let Some(informer) = self.upgrade() {
            informer.applied(object);
        }
    }

    fn deleted(&self, object: K) {
        if let Some(informer) = self.upgrade() {
            informer.deleted(object);
        }
    }

    fn listed(&self, keys: &HashSet<Key>) {
        if let Some(informer) = self.upgrade() {
            informer.listed(keys);
        }
    }
}
