//! The copy of the objects of one kind that all readers share.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::ResourceExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::departed::Departed;
use super::index::{Entries, Index};
use super::subscribers::{Callback, Subscribers, Subscription, tell};
use super::{Object, Sink, version};
use crate::Key;
use crate::owners::controller_uid;

const BY_CONTROLLER: &str = "controller";

/// The objects of one kind, or those of them that a label selector or namespace leaves.
///
/// Whoever writes an object hands the answer to [`Informer::observe`], so that the next reconciliation sees it even
/// if it runs before the watch brings it: nothing is created twice because a cache was late. Older states that the
/// watch brings afterwards are ignored by their resource version, and states of objects that are gone by their uid.
///
/// What is written with every object and read by no controller, `managedFields`, is not kept.
pub struct Informer<K: Object> {
    kind: K::DynamicType,
    state: RwLock<State<K>>,
    subscribers: Subscribers<K>,
    synced: watch::Sender<bool>,
    watch: RwLock<Option<AbortHandle>>,
}

struct State<K> {
    objects: BTreeMap<Key, Arc<K>>,
    indexes: Vec<Entries<K>>,
    departed: Departed,
}

impl<K: Object> Informer<K> {
    /// An informer that nothing keeps current yet.
    pub fn new(kind: K::DynamicType) -> Arc<Self> {
        let controllers = Arc::new(|object: &K| controller_uid(object).map(str::to_owned).into_iter().collect());
        let state = State {
            objects: BTreeMap::new(),
            indexes: vec![Entries::new(BY_CONTROLLER, controllers)],
            departed: Departed::default(),
        };
        Arc::new(Self {
            kind,
            state: RwLock::new(state),
            subscribers: Subscribers::default(),
            synced: watch::Sender::new(false),
            watch: RwLock::new(None),
        })
    }

    /// Which kind it holds.
    pub fn kind(&self) -> &K::DynamicType {
        &self.kind
    }

    /// Ends this task with the informer.
    pub(super) fn watched_by(&self, task: AbortHandle) {
        *self.watch.write().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Waits until the informer has seen everything that was there when it started.
    pub async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives as long as the informer does.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    /// Takes note of a state of an object, unless a newer one is known; the state if it is news.
    pub fn observe(&self, mut object: K) -> Option<Arc<K>> {
        object.managed_fields_mut().clear();
        let key = Key::of(&object);
        let object = Arc::new(object);
        let before = {
            let mut state = self.write();
            if state.is_old(&key, object.as_ref()) {
                return None;
            }
            state.replace(key, Arc::clone(&object))
        };
        self.subscribers.tell(before.as_deref(), Some(object.as_ref()));
        Some(object)
    }

    /// Takes note that an object is gone, or will be before anything else happens to it.
    pub fn remove(&self, object: &K) {
        if let Some(uid) = object.meta().uid.clone() {
            self.write().departed.insert(uid);
        }
        self.forget(object);
    }

    fn forget(&self, object: &K) {
        let key = Key::of(object);
        let removed = {
            let mut state = self.write();
            match state.objects.get(&key) {
                Some(known) if known.meta().uid == object.meta().uid => state.remove(&key),
                // Another object has the name by now.
                _ => None,
            }
        };
        if let Some(removed) = removed {
            self.subscribers.tell(Some(removed.as_ref()), None);
        }
    }

    /// Calls `changed` with each object that is there, and from now on with each that comes, changes or goes: its
    /// state before and after. It must not block; it may be told of a change more than once.
    pub fn subscribe(
        self: &Arc<Self>,
        changed: impl Fn(Option<&K>, Option<&K>) + Send + Sync + 'static,
    ) -> Subscription {
        let callback: Callback<K> = Arc::new(changed);
        // Who is added before the objects are looked at misses none that comes meanwhile.
        let id = self.subscribers.add(Arc::clone(&callback));
        for object in self.all() {
            tell(&callback, None, Some(object.as_ref()));
        }
        let informer = Arc::downgrade(self);
        Subscription::new(move || {
            if let Some(informer) = informer.upgrade() {
                informer.subscribers.remove(id);
            }
        })
    }

    /// Keeps an index of the values that a function reads from an object. One of the same name is replaced.
    pub fn index(
        self: &Arc<Self>,
        name: &'static str,
        values: impl Fn(&K) -> Vec<String> + Send + Sync + 'static,
    ) -> Index<K> {
        let mut entries = Entries::new(name, Arc::new(values));
        let mut state = self.write();
        for (key, object) in &state.objects {
            entries.link(key, object);
        }
        state.indexes.retain(|known| !known.is(name));
        state.indexes.push(entries);
        drop(state);
        Index { informer: Arc::clone(self), name }
    }

    pub(super) fn by_index(&self, name: &str, value: &str) -> Vec<Arc<K>> {
        let state = self.read();
        let keys = state.indexes.iter().filter(|index| index.is(name)).flat_map(|index| index.keys(value));
        keys.filter_map(|key| state.objects.get(key).cloned()).collect()
    }

    /// The objects whose controller has this uid.
    pub fn controlled_by(&self, uid: &str) -> Vec<Arc<K>> {
        self.by_index(BY_CONTROLLER, uid)
    }

    /// An object by key.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.read().objects.get(key).cloned()
    }

    /// The objects of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let state = self.read();
        let from = state.objects.range(Key::new(namespace, "")..);
        from.take_while(|(key, _)| key.namespace == namespace).map(|(_, object)| Arc::clone(object)).collect()
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().objects.values().cloned().collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.read().objects.is_empty()
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Object> Sink<K> for Informer<K> {
    fn applied(&self, object: K) {
        self.observe(object);
    }

    fn deleted(&self, object: K) {
        self.remove(&object);
    }

    fn listed(&self, keys: &HashSet<Key>) {
        let unlisted: Vec<Arc<K>> = {
            let state = self.read();
            state.objects.iter().filter(|(key, _)| !keys.contains(*key)).map(|(_, object)| Arc::clone(object)).collect()
        };
        for object in unlisted {
            // What was made while the list was under way is brought back by the watch that follows it.
            self.forget(object.as_ref());
        }
        self.synced.send_replace(true);
    }
}

impl<K: Object> Drop for Informer<K> {
    fn drop(&mut self) {
        if let Some(task) = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl<K: Object> State<K> {
    fn is_old(&self, key: &Key, object: &K) -> bool {
        let known = self.objects.get(key).and_then(|known| version(known.as_ref()));
        let is_older = matches!((known, version(object)), (Some(known), Some(version)) if known >= version);
        is_older || object.meta().uid.as_deref().is_some_and(|uid| self.departed.contains(uid))
    }

    fn replace(&mut self, key: Key, object: Arc<K>) -> Option<Arc<K>> {
        let before = self.objects.get(&key).cloned();
        for index in &mut self.indexes {
            if let Some(before) = &before {
                index.unlink(&key, before);
            }
            index.link(&key, &object);
        }
        self.objects.insert(key, object);
        before
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<K>> {
        let removed = self.objects.remove(key)?;
        for index in &mut self.indexes {
            index.unlink(key, &removed);
        }
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, version: &str, owner: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {
                "name": name, "namespace": "a", "resourceVersion": version, "uid": format!("uid of {name}"),
                "managedFields": [{ "manager": "test" }],
                "ownerReferences": [
                    { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": owner, "controller": true }
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn older_states_and_deleted_objects_do_not_come_back() {
        let informer = Informer::new(());
        assert!(informer.observe(pod("x", "5", "one")).is_some());
        assert!(informer.observe(pod("x", "4", "one")).is_none());
        assert!(informer.observe(pod("x", "6", "two")).is_some());
        assert!(informer.controlled_by("one").is_empty());
        assert_eq!(informer.controlled_by("two").len(), 1);
        informer.remove(&pod("x", "6", "two"));
        // The answer to a write that was under way when the watch told of the end.
        assert!(informer.observe(pod("x", "7", "two")).is_none());
        let mut another = pod("x", "9", "two");
        another.metadata.uid = Some("another".into());
        assert!(informer.observe(another).is_some(), "a new object of the same name");
        informer.remove(&pod("x", "7", "two"));
        assert!(!informer.is_empty(), "an end that comes late takes no other object of the name away");
    }

    #[test]
    fn subscribers_are_told_of_what_is_there_and_of_changes_until_they_leave() {
        let informer = Informer::new(());
        informer.observe(pod("x", "1", "one"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let version = |pod: Option<&Pod>| pod.and_then(|pod| pod.metadata.resource_version.clone());
        let panics = informer.subscribe(|_, _| panic!("a subscriber with a bug"));
        let subscription =
            informer.subscribe(move |before, after| heard.lock().unwrap().push((version(before), version(after))));
        informer.observe(pod("x", "2", "one"));
        informer.observe(pod("x", "2", "one"));
        Sink::listed(informer.as_ref(), &HashSet::new());
        drop((subscription, panics));
        informer.observe(pod("y", "3", "one"));
        let some = |version: &str| Some(version.to_owned());
        assert_eq!(*told.lock().unwrap(), [(None, some("1")), (some("1"), some("2")), (some("2"), None)]);
    }

    #[test]
    fn an_index_follows_the_objects_and_managed_fields_are_not_kept() {
        let informer = Informer::new(());
        informer.observe(pod("x", "1", "one"));
        let by_first_owner = informer.index("first owner", |pod: &Pod| {
            pod.owner_references().iter().take(1).map(|owner| owner.uid.clone()).collect()
        });
        informer.observe(pod("y", "2", "one"));
        assert_eq!(by_first_owner.get("one").len(), 2);
        informer.observe(pod("x", "3", "two"));
        assert_eq!((by_first_owner.get("one").len(), by_first_owner.get("two").len()), (1, 1));
        assert!(by_first_owner.get("two")[0].metadata.managed_fields.as_deref().unwrap_or_default().is_empty());
    }
}
