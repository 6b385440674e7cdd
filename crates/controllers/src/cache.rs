//! What a controller knows of the objects of one kind: kept current by a watch and by its own writes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

use futures::{StreamExt, TryStreamExt};
use kube::api::Api;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::ownership::controller_uid;

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace; empty for objects of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of<K: ResourceExt>(object: &K) -> Self {
        Self { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }
}

/// A kind of object that a cache can hold.
pub trait Cached: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static {}

impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static> Cached for K {}

/// The objects of one kind.
///
/// Whoever writes an object hands the answer to [`Cache::observe`], so that the next reconciliation sees it even
/// if it runs before the watch brings it: nothing is created twice because a cache was late. Older states that
/// the watch brings afterwards are ignored by their resource version.
pub struct Cache<K> {
    state: RwLock<State<K>>,
    synced: watch::Sender<bool>,
}

struct State<K> {
    objects: BTreeMap<Key, Arc<K>>,
    by_controller: HashMap<String, BTreeSet<Key>>,
    /// Objects that were deleted by us, with the version they had, until the watch says so too.
    gone: HashMap<Key, u64>,
}

impl<K: Cached> Cache<K> {
    /// An empty cache.
    pub fn new() -> Arc<Self> {
        let state = State { objects: BTreeMap::new(), by_controller: HashMap::new(), gone: HashMap::new() };
        Arc::new(Self { state: RwLock::new(state), synced: watch::Sender::new(false) })
    }

    /// Keeps the cache current, for ever; `changed` sees each object that came, changed (its state before and
    /// after) or went.
    pub async fn follow(self: Arc<Self>, api: Api<K>, changed: impl Fn(&K)) {
        let mut events = watcher(api, watcher::Config::default())
            .modify(|object| object.managed_fields_mut().clear())
            .default_backoff()
            .boxed();
        let mut listed = HashSet::new();
        loop {
            match events.try_next().await {
                Ok(None) => return,
                Err(error) => tracing::debug!(%error, "a watch was interrupted"),
                Ok(Some(watcher::Event::Init)) => listed.clear(),
                Ok(Some(watcher::Event::InitApply(object))) => {
                    listed.insert(Key::of(&object));
                    self.apply(object, &changed);
                }
                Ok(Some(watcher::Event::InitDone)) => {
                    for object in self.remove_unlisted(&listed) {
                        changed(&object);
                    }
                    listed = HashSet::new();
                    self.synced.send_replace(true);
                }
                Ok(Some(watcher::Event::Apply(object))) => self.apply(object, &changed),
                Ok(Some(watcher::Event::Delete(object))) => {
                    self.remove(&Key::of(&object), None);
                    changed(&object);
                }
            }
        }
    }

    fn apply(&self, object: K, changed: &impl Fn(&K)) {
        let before = self.get(&Key::of(&object));
        if let Some(after) = self.observe(object) {
            if let Some(before) = before {
                changed(&before);
            }
            changed(&after);
        }
    }

    /// Waits until the cache has seen everything that was there when it started.
    pub async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives as long as the cache does.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    /// Takes note of a state of an object, unless a newer one is known; the state if it is news.
    pub fn observe(&self, object: K) -> Option<Arc<K>> {
        let key = Key::of(&object);
        let version = version(&object);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let stale = state.objects.get(&key).is_some_and(|known| self::version(known.as_ref()) >= version);
        let deleted = state.gone.get(&key).is_some_and(|gone| *gone >= version);
        if stale || deleted {
            return None;
        }
        state.unlink(&key);
        if let Some(owner) = controller_uid(&object) {
            state.by_controller.entry(owner.to_owned()).or_default().insert(key.clone());
        }
        let object = Arc::new(object);
        state.objects.insert(key, Arc::clone(&object));
        Some(object)
    }

    /// Takes note that an object is gone: `version` is its last one where we deleted it ourselves.
    pub fn remove(&self, key: &Key, version: Option<u64>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.unlink(key);
        state.objects.remove(key);
        match version {
            Some(version) => drop(state.gone.insert(key.clone(), version)),
            None => drop(state.gone.remove(key)),
        }
    }

    fn remove_unlisted(&self, listed: &HashSet<Key>) -> Vec<Arc<K>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<Key> = state.objects.keys().filter(|key| !listed.contains(*key)).cloned().collect();
        state.gone.clear();
        let mut removed = Vec::new();
        for key in gone {
            state.unlink(&key);
            removed.extend(state.objects.remove(&key));
        }
        removed
    }

    /// An object by key.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).objects.get(key).cloned()
    }

    /// The objects whose controller has this uid.
    pub fn controlled_by(&self, uid: &str) -> Vec<Arc<K>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let keys = state.by_controller.get(uid).into_iter().flatten();
        keys.filter_map(|key| state.objects.get(key).cloned()).collect()
    }

    /// The objects of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let first = Key { namespace: namespace.to_owned(), name: String::new() };
        state
            .objects
            .range(first..)
            .take_while(|(key, _)| key.namespace == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).objects.values().cloned().collect()
    }
}

impl<K: Resource> State<K> {
    fn unlink(&mut self, key: &Key) {
        let Some(owner) = self.objects.get(key).and_then(|known| controller_uid(known.as_ref())) else { return };
        let owner = owner.to_owned();
        if let Some(keys) = self.by_controller.get_mut(&owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_controller.remove(&owner);
            }
        }
    }
}

/// The resource version as a number, which is how Kubernetes' storage counts them.
pub fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, version: &str, owner: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {
                "name": name, "namespace": "a", "resourceVersion": version,
                "ownerReferences": [
                    { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": owner, "controller": true }
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn older_states_and_deleted_objects_do_not_come_back() {
        let cache = Cache::new();
        assert!(cache.observe(pod("x", "5", "one")).is_some());
        assert!(cache.observe(pod("x", "4", "one")).is_none());
        assert!(cache.observe(pod("x", "6", "two")).is_some());
        assert!(cache.controlled_by("one").is_empty());
        assert_eq!(cache.controlled_by("two").len(), 1);
        let key = Key { namespace: "a".into(), name: "x".into() };
        cache.remove(&key, Some(6));
        assert!(cache.observe(pod("x", "6", "two")).is_none());
        assert!(cache.observe(pod("x", "9", "two")).is_some(), "a new object of the same name");
    }
}
