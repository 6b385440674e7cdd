//! The watches that tell what happens to applied objects: one for each kind, for all owners together.
//!
//! The first watch of a kind sees metadata only; that is enough to see drift. A second one, of whole objects, begins
//! when someone first waits for the health of an object of the kind. Of neither is anything kept but what
//! [`Memory`] notes.

mod sight;

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cowherd_runtime::{Metrics, supervise, supervise_until_done, watching};
use futures::future::Fuse;
use futures::{FutureExt, Stream, StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::cluster::Kind;
use crate::health;
use crate::memory::{LastWrite, Mark, Memory};
use crate::object::ObjectId;
use crate::owner::Ownership;

pub use sight::Sight;
use sight::{Eye, Sees, is_unserved, name};

/// After what time everything is listed anew, at least. A cluster that was restored from a backup may have caught up with the
/// revision of a watch before that asks again, and no watch ever tells that objects went back.
pub const RELIST: Duration = Duration::from_secs(600);

/// Whether a watch shows what happens at the moment.
pub(crate) type Up = Arc<AtomicBool>;

/// The watches that run.
pub(crate) struct Watching {
    client: Client,
    memory: Arc<Memory>,
    ownership: Ownership,
    health: cowherd_runtime::Health,
    metrics: Metrics,
    running: Arc<Mutex<Running>>,
}

#[derive(Default)]
struct Running {
    drift: HashMap<Arc<Kind>, watch::Receiver<Sees>>,
    health: HashMap<Arc<Kind>, Up>,
    /// Ends all watches when the last user of the applier is gone.
    tasks: JoinSet<()>,
}

impl Watching {
    pub(crate) fn new(
        client: Client,
        memory: Arc<Memory>,
        ownership: Ownership,
        (health, metrics): (cowherd_runtime::Health, Metrics),
    ) -> Self {
        Self { client, memory, ownership, health, metrics, running: Arc::default() }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        lock(&self.running)
    }

    /// Sees to it that drift of objects of the kind is seen from now on.
    pub(crate) fn drift(&self, kind: &Arc<Kind>) {
        let mut running = self.running();
        if running.drift.contains_key(kind) {
            return;
        }
        if !kind.watchable {
            let (_, receiver) = watch::channel(Sees::Not("the cluster has no watch of it".to_owned()));
            running.drift.insert(kind.clone(), receiver);
            return;
        }
        let (sees, receiver) = watch::channel(Sees::NotYet);
        running.drift.insert(kind.clone(), receiver);
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(self.client.clone(), &kind.resource);
        let (memory, kind, ownership) = (self.memory.clone(), kind.clone(), self.ownership);
        let (health, metrics) = (self.health.clone(), self.metrics.clone());
        // The watches end with the last user of the applier.
        let (client, running_ones) = (self.client.clone(), Arc::downgrade(&self.running));
        running.tasks.spawn(async move {
            let name = format!("watch of {} for drift", name(&kind));
            let start = || {
                let stream = watching(api.clone(), owned(&ownership), Some(RELIST));
                let eye = Eye { sees: sees.clone(), pulse: health.register(&name) };
                see_drift(stream, &client, &memory, &kind, &ownership, eye)
            };
            supervise_until_done(&name, &health, &metrics, start).await;
            if let Some(running) = running_ones.upgrade() {
                lock(&running).drift.remove(&kind);
            }
        });
    }

    /// Whether the watch of the kind is up, so that the memory of it can be trusted.
    pub(crate) fn sees_drift(&self, kind: &Arc<Kind>) -> bool {
        self.running().drift.get(kind).is_some_and(|sees| *sees.borrow() == Sees::All)
    }

    /// What tells of drift of these objects from now on, as far as any of their kinds was applied.
    pub(crate) fn sight<'a>(&self, objects: impl IntoIterator<Item = &'a ObjectId>) -> Sight {
        let kinds: HashSet<(&str, &str)> =
            objects.into_iter().map(|id| (id.group.as_str(), id.kind.as_str())).collect();
        let running = self.running();
        let of = |kind: &Kind| kinds.contains(&(kind.resource.group.as_str(), kind.resource.kind.as_str()));
        let watches = running.drift.iter().filter(|(kind, _)| of(kind));
        let mut watches: Vec<_> = watches.map(|(kind, sees)| (kind.clone(), sees.clone())).collect();
        watches.sort_by_key(|(kind, _)| name(kind));
        Sight(watches)
    }

    /// Sees to it that the health of owned objects of the kind is known from now on, as long as the watch of it is up.
    pub(crate) fn health(&self, kind: &Arc<Kind>) -> Up {
        let mut running = self.running();
        if let Some(up) = running.health.get(kind) {
            return up.clone();
        }
        let up = Up::default();
        running.health.insert(kind.clone(), up.clone());
        if kind.watchable {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource);
            let (memory, kind, ownership) = (self.memory.clone(), kind.clone(), self.ownership);
            let (health, metrics, up) = (self.health.clone(), self.metrics.clone(), up.clone());
            running.tasks.spawn(async move {
                let name = format!("watch of {} for health", name(&kind));
                let start = || {
                    let stream = watching(api.clone(), owned(&ownership), Some(RELIST));
                    see_health(stream, &memory, &kind, None, &up)
                };
                supervise(&name, &health, &metrics, start).await;
            });
        }
        up
    }

    /// Tells the memory of the health of a single object, owned by whomever, until the future is dropped, as long as the watch
    /// of it is up.
    pub(crate) async fn health_of(&self, kind: &Arc<Kind>, id: &ObjectId, up: &AtomicBool) {
        if !kind.watchable {
            return;
        }
        let api = api_of(&self.client, kind, id);
        let only = watcher::Config::default().fields(&format!("metadata.name={}", escaped(&id.name)));
        see_health(watching(api, only, None), &self.memory, kind, Some(id), up).await;
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value as it stands in a field selector: nothing in it is one more condition.
fn escaped(value: &str) -> String {
    let escapes = |c: char| matches!(c, '\\' | ',' | '=');
    value.chars().flat_map(|c| escapes(c).then_some('\\').into_iter().chain([c])).collect()
}

fn owned(ownership: &Ownership) -> watcher::Config {
    watcher::Config::default().labels(ownership.name_label)
}

fn id(kind: &Kind, metadata: &ObjectMeta) -> ObjectId {
    ObjectId {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        group: kind.resource.group.clone(),
        kind: kind.resource.kind.clone(),
    }
}

async fn see_drift(
    stream: impl Stream<Item = watcher::Result<Event<PartialObjectMeta<DynamicObject>>>>,
    client: &Client,
    memory: &Memory,
    kind: &Kind,
    ownership: &Ownership,
    eye: Eye,
) {
    let mut stream = pin!(stream);
    let mut listed = HashSet::new();
    let mut began = Instant::now();
    // What the last list left in doubt; a later list has doubts of its own.
    let mut doubts = pin!(Fuse::terminated());
    loop {
        let event = tokio::select! {
            event = stream.next() => event,
            () = &mut doubts => continue,
        };
        let Some(event) = event else { return };
        match event {
            Ok(Event::Init) => {
                listed.clear();
                began = Instant::now();
            }
            Ok(Event::InitApply(object)) => {
                if listed.len() < memory.most() {
                    listed.insert(id(kind, &object.metadata));
                }
                let mark = Mark::read(&object.metadata, ownership);
                let last = LastWrite::read(&object.metadata, ownership.field_manager);
                memory.see_listed(&id(kind, &object.metadata), mark, last, began);
            }
            Ok(Event::InitDone) => {
                let doubtful = memory.see_all(&kind.resource.group, &kind.resource.kind, &listed, began);
                listed = HashSet::new();
                eye.sees_all();
                doubts.set(look_for_all(doubtful, client, memory, kind).fuse());
            }
            Ok(Event::Apply(object)) => {
                eye.sees_all();
                let mark = Mark::read(&object.metadata, ownership);
                let last = LastWrite::read(&object.metadata, ownership.field_manager);
                memory.see(&id(kind, &object.metadata), mark, last);
            }
            Ok(Event::Delete(object)) => {
                eye.sees_all();
                let mark = Mark::read(&object.metadata, ownership);
                memory.see_gone(&id(kind, &object.metadata), mark.revision);
            }
            Err(error) => {
                tracing::debug!(kind = kind.resource.kind, %error, "the watch for drift was interrupted");
                eye.misses(&error);
                if is_unserved(&error) {
                    return;
                }
            }
        }
    }
}

/// The pause after a question that got no answer; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many objects are looked for at once.
const AT_ONCE: usize = 8;

/// Finds out of objects that a list did not have whether they are gone: they were applied while it was made.
async fn look_for_all(doubtful: Vec<ObjectId>, client: &Client, memory: &Memory, kind: &Kind) {
    let looked_for = stream::iter(doubtful).map(|id| async move { look_for(&id, client, memory, kind).await });
    looked_for.buffer_unordered(AT_ONCE).collect().await
}

async fn look_for(id: &ObjectId, client: &Client, memory: &Memory, kind: &Kind) {
    let api = api_of(client, kind, id);
    let mut pause = FIRST_PAUSE;
    // Of what is on its way it can't be told whether it is going to be there.
    while let Some(revision) = memory.settled(id).await {
        match api.get_metadata_opt(&id.name).await {
            Ok(Some(_)) => return,
            Ok(None) if memory.see_missing(id, revision) => return,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(object = %id, %error, "cannot be looked for");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Where the object is asked for.
fn api_of(client: &Client, kind: &Kind, id: &ObjectId) -> Api<DynamicObject> {
    if kind.namespaced {
        Api::namespaced_with(client.clone(), &id.namespace, &kind.resource)
    } else {
        Api::all_with(client.clone(), &kind.resource)
    }
}

/// A watch that shows nothing any more once this is dropped.
struct Down<'a>(&'a AtomicBool);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

async fn see_health(
    stream: impl Stream<Item = watcher::Result<Event<DynamicObject>>>,
    memory: &Memory,
    kind: &Kind,
    only: Option<&ObjectId>,
    up: &AtomicBool,
) {
    // However it ends, what it showed may be another by then.
    let _down = Down(up);
    let mut stream = pin!(stream);
    let mut is_there = false;
    let mut began = Instant::now();
    while let Some(event) = stream.next().await {
        // A list is one when it is whole.
        if !matches!(event, Ok(Event::Init | Event::InitApply(_))) {
            up.store(event.is_ok(), Ordering::Relaxed);
        }
        match event {
            Ok(event @ (Event::InitApply(_) | Event::Apply(_))) => {
                let listed = matches!(event, Event::InitApply(_)).then_some(began);
                let (Event::InitApply(object) | Event::Apply(object)) = event else { continue };
                is_there = true;
                let revision = object.resource_version().and_then(|text| text.parse().ok()).unwrap_or(0);
                let id = id(kind, &object.metadata);
                let mut value = serde_json::to_value(&object).unwrap_or_default();
                // Lists give objects without their types.
                value["kind"] = kind.resource.kind.clone().into();
                value["apiVersion"] = kind.resource.api_version.clone().into();
                if let Some(since) = listed {
                    memory.doubt_health(&id, revision, since);
                }
                memory.see_health(&id, revision, health::assess(&value, Timestamp::now()));
                judge(memory, &id, revision, value).await;
            }
            Ok(Event::Delete(object)) => {
                let revision = object.resource_version().and_then(|text| text.parse().ok()).unwrap_or(0);
                memory.see_none(&id(kind, &object.metadata), revision);
            }
            Ok(Event::Init) => {
                is_there = false;
                began = Instant::now();
            }
            Ok(Event::InitDone) => {
                if let Some(id) = only.filter(|_| !is_there) {
                    memory.forget_health(id);
                    memory.see_none(id, 0);
                }
            }
            Err(error) => tracing::debug!(kind = kind.resource.kind, %error, "the watch for health was interrupted"),
        }
    }
}

/// Has those decide on the health of an object that do it by expressions. Tenants write them: they are evaluated on a thread of
/// their own, so that nobody but this watch waits for what they cost.
pub(crate) async fn judge(memory: &Memory, id: &ObjectId, revision: u64, object: serde_json::Value) {
    let judges = memory.judges(id);
    if judges.is_empty() {
        return;
    }
    let object = Arc::new(object);
    for by in judges {
        let (judge, object) = (Arc::clone(&by), Arc::clone(&object));
        let judged = tokio::task::spawn_blocking(move || judge.assess(&object)).await;
        match judged.map_err(JoinError::try_into_panic) {
            Ok(health) => memory.see_judged(id, revision, &by, &health),
            // Whoever watches over the watch starts it again, and tells of that.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => return,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
