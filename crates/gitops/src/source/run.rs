//! Keeps a task for each source of a kind.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_apply::RELIST;
use cowherd_runtime::{Backoff, Key, Sink, caught, follow_and_relist, supervise};
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::news::Teller;
use super::task::keep;
use super::{Shared, Source, SourceName};
use crate::NamespacedName;

/// How long after a bug ended a task it is begun anew.
const AFTER_PANIC: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(60), jitter: 0.2 };

/// Keeps a task for each source of the kind in the cluster, for ever.
pub(crate) async fn run<K: Source>(shared: Shared) {
    let name = format!("watch of {}.{}", K::plural(&()), K::group(&()));
    let (health, metrics) = (shared.config.health.clone(), shared.config.metrics.clone());
    let client = shared.client.clone();
    let sources = Sources::<K> { shared, state: Mutex::default() };
    let start = || async {
        let pulse = health.register(&name);
        let api: Api<DeserializeGuard<K>> = Api::all(client.clone());
        follow_and_relist(api, watcher::Config::default(), Some(RELIST), &sources, &pulse).await;
    };
    supervise(&name, &health, &metrics, start).await;
}

/// The sources of a kind.
struct Sources<K> {
    shared: Shared,
    state: Mutex<State<K>>,
}

struct State<K> {
    running: HashMap<NamespacedName, Running<K>>,
    tasks: JoinSet<()>,
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self { running: HashMap::new(), tasks: JoinSet::new() }
    }
}

/// The task of a source.
struct Running<K> {
    objects: watch::Sender<Arc<K>>,
    teller: Teller,
}

impl<K: Source> Sink<DeserializeGuard<K>> for Sources<K> {
    fn applied(&self, DeserializeGuard(object): DeserializeGuard<K>) {
        match object {
            Ok(object) => self.state().see(object, &self.shared),
            Err(invalid) => {
                self.shared.unreadable(K::KIND, &invalid);
            }
        }
    }

    fn deleted(&self, object: DeserializeGuard<K>) {
        self.state().end(&NamespacedName::of(&object));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.state().keep_only(keys);
    }
}

impl<K: Source> Sources<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Source> State<K> {
    fn see(&mut self, object: K, shared: &Shared) {
        while self.tasks.try_join_next().is_some() {}
        let name = NamespacedName::of(&object);
        let object = Arc::new(object);
        if self.running.get(&name).is_some_and(|running| running.objects.borrow().uid() != object.uid()) {
            // It was deleted, and made again before anybody looked.
            self.end(&name);
        }
        match self.running.get(&name) {
            Some(running) => {
                running.objects.send_replace(object);
            }
            None => {
                let (objects, receiver) = watch::channel(object);
                let source = SourceName { kind: K::KIND, name: name.clone() };
                let teller = Teller::new(source.clone(), shared.tell.clone());
                teller.begin();
                self.tasks.spawn(keep_on(shared.clone(), source, receiver, teller.clone()));
                self.running.insert(name, Running { objects, teller });
            }
        }
    }

    fn end(&mut self, name: &NamespacedName) {
        if let Some(running) = self.running.remove(name) {
            running.teller.end();
        }
    }

    fn keep_only(&mut self, keys: &HashSet<Key>) {
        let is_there = |name: &NamespacedName| keys.contains(&Key::new(&name.namespace, &name.name));
        let gone: Vec<_> = self.running.keys().filter(|name| !is_there(name)).cloned().collect();
        gone.iter().for_each(|name| self.end(name));
    }
}

/// Keeps a source until it is deleted, whatever bugs its task has.
async fn keep_on<K: Source>(shared: Shared, name: SourceName, objects: watch::Receiver<Arc<K>>, teller: Teller) {
    let mut failures = 0;
    while let Err(panic) = caught(keep(shared.clone(), name.clone(), objects.clone(), teller.clone())).await {
        let delay = AFTER_PANIC.delay(failures);
        failures += 1;
        tracing::error!(source = %name, panic, ?delay, "the task of a source panicked; it is started again");
        tokio::time::sleep(delay).await;
    }
}
