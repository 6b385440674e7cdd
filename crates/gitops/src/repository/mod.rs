//! GitRepositories: one task for each fetches it when it is due and tells what it found.

mod fetch;
mod report;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_api::flux::annotations::{FINALIZER, RECONCILE_REQUESTED_AT};
use cowherd_api::flux::source::v1::GitRepository;
use cowherd_runtime::interruption;
use cowherd_source::{Access, LocalWatch, Mirrors, RepositoryUrl, watch_local};
use futures::StreamExt;
use kube::api::{Patch, PatchParams};
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::events::Recorder;
use crate::fetched::Fetched;
use crate::fetches::Fetches;
use crate::schedule::Signal;
use crate::{Config, NamespacedName};
#[cfg(test)]
pub(crate) use fetch::content;
use report::Report;

/// The shortest interval at which a repository is looked at, whatever it says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The first pause after a failure; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// What every task of a repository has.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) mirrors: Mirrors,
    pub(crate) recorder: Recorder,
    pub(crate) signals: mpsc::UnboundedSender<Signal>,
    pub(crate) fetches: Fetches,
    pub(crate) config: Config,
}

/// Keeps a task for each GitRepository of the cluster.
pub(crate) async fn run(shared: Shared) {
    let api: Api<DeserializeGuard<GitRepository>> = Api::all(shared.client.clone());
    let mut events = pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut repositories = Repositories { shared, running: HashMap::new(), tasks: JoinSet::new() };
    let mut listed = Vec::new();
    let pulse = repositories.shared.config.health.register("watch of gitrepositories.source.toolkit.fluxcd.io");
    while let Some(event) = events.next().await {
        match &event {
            Ok(_) => pulse.well(),
            Err(error) => pulse.unwell(interruption(error)),
        }
        while repositories.tasks.try_join_next().is_some() {}
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(DeserializeGuard(object))) => {
                if let Some(name) = repositories.see(object) {
                    listed.push(name);
                }
            }
            Ok(Event::InitDone) => repositories.keep_only(&std::mem::take(&mut listed)),
            Ok(Event::Apply(DeserializeGuard(object))) => {
                repositories.see(object);
            }
            Ok(Event::Delete(object)) => repositories.end(&NamespacedName::of(&object)),
            Err(error) => tracing::debug!(%error, "the watch of GitRepositories was interrupted"),
        }
    }
}

struct Repositories {
    shared: Shared,
    running: HashMap<NamespacedName, Running>,
    tasks: JoinSet<()>,
}

impl Repositories {
    fn see(
        &mut self,
        object: Result<GitRepository, kube::core::error_boundary::InvalidObject>,
    ) -> Option<NamespacedName> {
        let object = match object {
            Ok(object) => object,
            Err(invalid) => {
                tracing::warn!(name = invalid.metadata.name, error = invalid.error, "a GitRepository cannot be read");
                return None;
            }
        };
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
                let told = Told::new(name.clone(), self.shared.signals.clone());
                self.tasks.spawn(keep(self.shared.clone(), name.clone(), receiver, told.clone()));
                self.running.insert(name.clone(), Running { objects, told });
            }
        }
        Some(name)
    }

    fn end(&mut self, name: &NamespacedName) {
        if let Some(running) = self.running.remove(name) {
            running.told.end();
        }
    }

    fn keep_only(&mut self, names: &[NamespacedName]) {
        let gone: Vec<_> = self.running.keys().filter(|name| !names.contains(name)).cloned().collect();
        gone.iter().for_each(|name| self.end(name));
    }
}

/// The task of a repository.
struct Running {
    objects: watch::Sender<Arc<GitRepository>>,
    told: Told,
}

/// What is told of the content of one repository, to whoever applies it. Once it is said to be gone, nothing more is: a fetch
/// that was still going on brings nothing back.
#[derive(Clone)]
struct Told(Arc<Mutex<Telling>>);

struct Telling {
    name: NamespacedName,
    signals: mpsc::UnboundedSender<Signal>,
    is_gone: bool,
}

impl Told {
    fn new(name: NamespacedName, signals: mpsc::UnboundedSender<Signal>) -> Self {
        Self(Arc::new(Mutex::new(Telling { name, signals, is_gone: false })))
    }

    /// Tells of new content.
    fn tell(&self, content: Arc<Fetched>) {
        let telling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !telling.is_gone {
            let _ = telling.signals.send(Signal::Source(telling.name.clone(), Some(content)));
        }
    }

    /// Tells that there is none any more.
    fn end(&self) {
        let mut telling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        telling.is_gone = true;
        let _ = telling.signals.send(Signal::Source(telling.name.clone(), None));
    }
}

/// What of an object makes a difference to its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relevant {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    is_deleted: bool,
}

impl Relevant {
    fn of(object: &GitRepository) -> Self {
        Self {
            uid: object.uid(),
            generation: object.metadata.generation,
            requested_at: object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            is_deleted: object.metadata.deletion_timestamp.is_some(),
        }
    }
}

/// Fetches one repository whenever that is due, until it is deleted.
async fn keep(shared: Shared, name: NamespacedName, mut objects: watch::Receiver<Arc<GitRepository>>, told: Told) {
    let first = objects.borrow().clone();
    let mut report = Report::new(shared.clone(), name.clone(), &first, told);
    if let Some(content) = fetch::held(&shared, &first).await {
        report.tell(content);
    }
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        if object.metadata.deletion_timestamp.is_some() {
            release(&shared.client, &name, &object).await;
        }
        if object.spec.suspend == Some(true) || object.metadata.deletion_timestamp.is_some() {
            if changed(&mut objects, &object).await.is_none() {
                return;
            }
            continue;
        }
        // The watch begins before the fetch, so that nothing falls between the two.
        let mut local = local_watch(&object, &shared.config.policy.of_repository(&object));
        shared.config.counters.fetched();
        let fetched = tokio::select! {
            fetched = fetch::fetch(&shared, &object) => fetched,
            // Nobody wants it as it was any more: what goes on is broken off.
            seen = changed(&mut objects, &object) => if seen.is_none() { return } else { continue },
        };
        let pause = match report.of(&object, fetched).await {
            true => {
                failures = 0;
                interval(&object)
            }
            false => {
                failures += 1;
                FIRST_RETRY.saturating_mul(1 << failures.min(16)).min(interval(&object))
            }
        };
        tokio::select! {
            seen = changed(&mut objects, &object) => if seen.is_none() { return },
            () = local_change(&mut local) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Lets a deleted repository go. We need no finalizer on it, but Flux may have left its own.
async fn release(client: &Client, name: &NamespacedName, object: &GitRepository) {
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return;
    }
    let finalizers: Vec<_> = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let api: Api<GitRepository> = Api::namespaced(client.clone(), &name.namespace);
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    if let Err(error) = api.patch(&name.name, &PatchParams::default(), &patch).await {
        tracing::debug!(repository = %name, %error, "the finalizer could not be removed");
    }
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed(objects: &mut watch::Receiver<Arc<GitRepository>>, since: &GitRepository) -> Option<()> {
    let before = Relevant::of(since);
    objects.wait_for(|object| Relevant::of(object) != before).await.ok().map(drop)
}

fn interval(object: &GitRepository) -> Duration {
    object.spec.interval.parse().unwrap_or(Duration::from_secs(60)).max(SHORTEST_INTERVAL)
}

fn local_watch(object: &GitRepository, access: &Access) -> Option<LocalWatch> {
    let url = RepositoryUrl::parse(&object.spec.url).ok()?;
    let path = url.local_path().filter(|path| access.local.allows(path))?;
    watch_local(path).inspect_err(|error| tracing::debug!(%error, "a local repository is not watched")).ok()
}

/// Completes when a watched repository changes; never where nothing is watched.
async fn local_change(watch: &mut Option<LocalWatch>) {
    let told = match watch {
        Some(watch) => watch.changed().await,
        None => None,
    };
    if told.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;

    fn content() -> Arc<Fetched> {
        Arc::new(Fetched {
            revision: "main@sha1:1".to_owned(),
            digest: "sha256:1".to_owned(),
            tree: Arc::new(MemoryTree::default()),
            all: Arc::new(MemoryTree::default()),
            ignore: None,
            is_root: false,
        })
    }

    #[test]
    fn a_fetch_that_ends_after_its_source_was_deleted_brings_nothing_back() {
        let (signals, mut inbox) = mpsc::unbounded_channel();
        let name = NamespacedName::new("n", "gone");
        let told = Told::new(name.clone(), signals.clone());
        let of_the_fetch = told.clone();
        told.tell(content());
        told.end();
        of_the_fetch.tell(content());
        drop((told, of_the_fetch, signals));
        let mut seen = Vec::new();
        while let Some(Signal::Source(source, content)) = inbox.blocking_recv() {
            assert_eq!(source, name);
            seen.push(content.is_some());
        }
        assert_eq!(seen, [true, false]);
    }
}
