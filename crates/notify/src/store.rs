//! The objects of a kind as one watch brings them. One that cannot be read is left out, and keeps no other from being known.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_runtime::{Description, Health, Key, Metrics, Resources, Shard, Sink, follow_and_relist, supervise};
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::described::Described;

/// How often all is listed anew: of a cluster that was restored no watch says that it went back.
const RELIST: Duration = Duration::from_secs(30 * 60);

/// An object that a store can hold.
pub(crate) trait Stored:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static
{
}

impl<K> Stored for K where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static
{
}

/// The objects of a kind. The watch ends with the last clone.
pub(crate) struct Store<K> {
    inner: Arc<Inner<K>>,
    _watch: Arc<Watch>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), _watch: self._watch.clone() }
    }
}

struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Inner<K> {
    objects: Mutex<BTreeMap<Key, Arc<K>>>,
    synced: watch::Sender<bool>,
    changed: watch::Sender<u64>,
    telling: Option<Telling<K>>,
}

/// What metrics are told of the objects.
struct Telling<K> {
    resources: Resources,
    /// Of which.
    shard: Shard,
    description: fn(&K) -> Description,
}

impl<K: Stored + Described> Store<K> {
    /// Follows all objects of the kind; metrics tell of those of a shard.
    pub(crate) fn follow_and_tell(client: &Client, shard: &Shard, health: &Health, metrics: &Metrics) -> Self {
        let telling = Telling { resources: metrics.resources(), shard: shard.clone(), description: K::described };
        Self::start(client, "", Some(telling), health, metrics)
    }
}

impl<K: Stored> Store<K> {
    /// Follows all objects of the kind that a label selector leaves.
    pub(crate) fn follow(client: &Client, selector: &str, health: &Health, metrics: &Metrics) -> Self {
        Self::start(client, selector, None, health, metrics)
    }

    fn start(client: &Client, selector: &str, telling: Option<Telling<K>>, health: &Health, metrics: &Metrics) -> Self {
        let inner = Arc::new(Inner {
            objects: Mutex::default(),
            synced: watch::Sender::new(false),
            changed: watch::Sender::new(0),
            telling,
        });
        let (sink, api) = (inner.clone(), Api::<DeserializeGuard<K>>::all(client.clone()));
        let config = watcher::Config::default().labels(selector);
        let (health, metrics) = (health.clone(), metrics.clone());
        let task = tokio::spawn(async move {
            let name = format!("watch of {}.{}", K::plural(&()), K::group(&()));
            let start = || async {
                let pulse = health.register(&name);
                follow_and_relist(api.clone(), config.clone(), Some(RELIST), &*sink, &pulse).await;
            };
            supervise(&name, &health, &metrics, start).await;
        });
        Self { inner, _watch: Arc::new(Watch(task)) }
    }

    /// Waits until all that was there at the beginning is known.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as this does.
        let _ = self.inner.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.inner.objects().values().cloned().collect()
    }

    /// One of them.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.inner.objects().get(key).cloned()
    }

    /// Tells when any of them changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }
}

impl<K: Stored> Telling<K> {
    fn tell(&self, object: &K) {
        if self.shard.has(object.meta().labels.as_ref()) {
            self.resources.tell(object, (self.description)(object));
        } else {
            self.resources.forget::<K>(&Key::of(object));
        }
    }
}

impl<K> Inner<K> {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<K>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl<K: Stored> Sink<DeserializeGuard<K>> for Inner<K> {
    fn applied(&self, DeserializeGuard(object): DeserializeGuard<K>) {
        match object {
            Ok(mut object) => {
                object.managed_fields_mut().clear();
                if let Some(telling) = &self.telling {
                    telling.tell(&object);
                }
                self.objects().insert(Key::of(&object), Arc::new(object));
            }
            Err(invalid) => {
                let (kind, namespace, name) = (K::kind(&()), &invalid.metadata.namespace, &invalid.metadata.name);
                tracing::warn!(%kind, namespace, name, error = invalid.error, "an object cannot be read");
                let key = Key::new(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default());
                self.objects().remove(&key);
            }
        }
        self.tell();
    }

    fn deleted(&self, object: DeserializeGuard<K>) {
        let key = Key::of(&object);
        if let Some(telling) = &self.telling {
            telling.resources.forget::<K>(&key);
        }
        self.objects().remove(&key);
        self.tell();
    }

    fn listed(&self, keys: &HashSet<Key>) {
        if let Some(telling) = &self.telling {
            telling.resources.keep_only::<K>(keys);
        }
        self.objects().retain(|key, _| keys.contains(key));
        self.synced.send_replace(true);
        self.tell();
    }
}
