//! Keeps a task for each object of a kind, for as long as the object is there.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_apply::RELIST;
use cowherd_runtime::{Backoff, Health, Key, Metrics, Sink, caught, follow_and_relist, supervise};
use kube::core::NamespaceResourceScope;
use kube::core::error_boundary::{DeserializeGuard, InvalidObject};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::NamespacedName;

/// How long after a bug ended a task it is begun anew.
const AFTER_PANIC: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(60), jitter: 0.2 };

/// What is done for each object of a kind.
pub(crate) trait Tasks: Clone + Send + Sync + 'static {
    /// The kind.
    type Object: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static;
    /// What is kept of an object beside its task.
    type Kept: Clone + Send + Sync + 'static;

    /// There is such an object.
    fn begin(&self, name: &NamespacedName) -> Self::Kept;

    /// What is done for it, until it is gone.
    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<Self::Object>>,
        kept: Self::Kept,
    ) -> impl Future<Output = ()> + Send;

    /// A bug has ended what is done for it, which is begun anew later: that is said in its status, and counted.
    fn broke_off(
        self,
        name: NamespacedName,
        object: Arc<Self::Object>,
        kept: Self::Kept,
    ) -> impl Future<Output = ()> + Send;

    /// It is gone.
    fn end(&self, kept: Self::Kept);

    /// There is one that cannot be read.
    fn unreadable(&self, invalid: &InvalidObject);

    /// There is one, in this state: for who minds them all together. No call may block.
    fn seen(&self, _object: &Arc<Self::Object>) {}

    /// One is gone, whether it could be read or not.
    fn left(&self, _name: &NamespacedName) {}

    /// These are all that there are.
    fn listed(&self, _keys: &HashSet<Key>) {}
}

/// The name of an object, as informers and metrics have it.
pub(crate) fn key(name: &NamespacedName) -> Key {
    Key::new(&name.namespace, &name.name)
}

/// Keeps a task for each object of the kind in the cluster, for ever.
pub(crate) async fn run<T: Tasks>(tasks: T, client: Client, health: Health, metrics: Metrics) {
    let name = format!("watch of {}.{}", T::Object::plural(&()), T::Object::group(&()));
    let objects = Objects { tasks, state: Mutex::default() };
    let start = || async {
        let pulse = health.register(&name);
        let api: Api<DeserializeGuard<T::Object>> = Api::all(client.clone());
        follow_and_relist(api, watcher::Config::default(), Some(RELIST), &objects, &pulse).await;
    };
    supervise(&name, &health, &metrics, start).await;
}

/// The objects of a kind.
struct Objects<T: Tasks> {
    tasks: T,
    state: Mutex<State<T>>,
}

struct State<T: Tasks> {
    running: HashMap<NamespacedName, Running<T>>,
    tasks: JoinSet<()>,
}

impl<T: Tasks> Default for State<T> {
    fn default() -> Self {
        Self { running: HashMap::new(), tasks: JoinSet::new() }
    }
}

/// The task of an object.
struct Running<T: Tasks> {
    objects: watch::Sender<Arc<T::Object>>,
    kept: T::Kept,
}

impl<T: Tasks> Sink<DeserializeGuard<T::Object>> for Objects<T> {
    fn applied(&self, DeserializeGuard(object): DeserializeGuard<T::Object>) {
        match object {
            Ok(object) => self.state().see(object, &self.tasks),
            Err(invalid) => self.tasks.unreadable(&invalid),
        }
    }

    fn deleted(&self, object: DeserializeGuard<T::Object>) {
        let name = NamespacedName::of(&object);
        self.state().end(&name, &self.tasks);
        self.tasks.left(&name);
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.state().keep_only(keys, &self.tasks);
        self.tasks.listed(keys);
    }
}

impl<T: Tasks> Objects<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Tasks> State<T> {
    fn see(&mut self, object: T::Object, tasks: &T) {
        while self.tasks.try_join_next().is_some() {}
        let name = NamespacedName::of(&object);
        let object = Arc::new(object);
        if self.running.get(&name).is_some_and(|running| running.objects.borrow().uid() != object.uid()) {
            // It was deleted, and made again before anybody looked.
            self.end(&name, tasks);
        }
        tasks.seen(&object);
        match self.running.get(&name) {
            Some(running) => {
                running.objects.send_replace(object);
            }
            None => {
                let (objects, receiver) = watch::channel(object);
                let kept = tasks.begin(&name);
                self.tasks.spawn(keep_on(tasks.clone(), name.clone(), receiver, kept.clone()));
                self.running.insert(name, Running { objects, kept });
            }
        }
    }

    fn end(&mut self, name: &NamespacedName, tasks: &T) {
        if let Some(running) = self.running.remove(name) {
            tasks.end(running.kept);
        }
    }

    fn keep_only(&mut self, keys: &HashSet<Key>, tasks: &T) {
        let is_there = |name: &NamespacedName| keys.contains(&key(name));
        let gone: Vec<_> = self.running.keys().filter(|name| !is_there(name)).cloned().collect();
        gone.iter().for_each(|name| self.end(name, tasks));
    }
}

/// Completes when nobody has the object any more.
async fn gone<T: Tasks>(mut objects: watch::Receiver<Arc<T::Object>>) {
    while objects.changed().await.is_ok() {}
}

/// Keeps an object until it is deleted, whatever bugs its task has.
pub(crate) async fn keep_on<T: Tasks>(
    tasks: T,
    name: NamespacedName,
    objects: watch::Receiver<Arc<T::Object>>,
    kept: T::Kept,
) {
    let mut failures = 0;
    while let Err(panic) = caught(tasks.clone().keep(name.clone(), objects.clone(), kept.clone())).await {
        let delay = AFTER_PANIC.delay(failures);
        failures += 1;
        let kind = T::Object::kind(&());
        tracing::error!(%kind, object = %name, panic, ?delay, "the task of an object panicked; it is started again");
        let object = objects.borrow().clone();
        let told = caught(tasks.clone().broke_off(name.clone(), object, kept.clone()));
        if let Err(panic) = told.await {
            tracing::error!(%kind, object = %name, panic, "telling of a panic panicked");
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // Whatever its task does with that: it is not begun for an object that is gone.
            () = gone::<T>(objects.clone()) => return,
        }
    }
}
