//! The watches that tell what happens to applied objects: one for each kind, for all owners together.
//!
//! The first watch of a kind sees metadata only; that is enough to see drift. A second one, of whole objects, begins
//! when someone first waits for the health of an object of the kind. Of neither is anything kept but what
//! [`Memory`] notes.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::Fuse;
use futures::{FutureExt, Stream, StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cluster::Kind;
use crate::health;
use crate::memory::{LastWrite, Mark, Memory};
use crate::object::ObjectId;
use crate::owner::Ownership;

/// The watches that run.
pub(crate) struct Watching {
    client: Client,
    memory: Arc<Memory>,
    ownership: Ownership,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    drift: HashMap<Arc<Kind>, watch::Receiver<bool>>,
    health: HashSet<Arc<Kind>>,
    /// Ends all watches when the last user of the applier is gone.
    tasks: JoinSet<()>,
}

impl Watching {
    pub(crate) fn new(client: Client, memory: Arc<Memory>, ownership: Ownership) -> Self {
        Self { client, memory, ownership, running: Mutex::default() }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that drift of objects of the kind is seen from now on.
    pub(crate) fn drift(&self, kind: &Arc<Kind>) {
        let mut running = self.running();
        if !kind.watchable || running.drift.contains_key(kind) {
            return;
        }
        let (up, receiver) = watch::channel(false);
        running.drift.insert(kind.clone(), receiver);
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(self.client.clone(), &kind.resource);
        let stream = watcher(api, owned(&self.ownership)).default_backoff();
        let (memory, kind, ownership) = (self.memory.clone(), kind.clone(), self.ownership);
        let client = self.client.clone();
        running.tasks.spawn(async move { see_drift(stream, &client, &memory, &kind, &ownership, &up).await });
    }

    /// Whether the watch of the kind is up, so that the memory of it can be trusted.
    pub(crate) fn sees_drift(&self, kind: &Arc<Kind>) -> bool {
        self.running().drift.get(kind).is_some_and(|up| *up.borrow())
    }

    /// Sees to it that the health of owned objects of the kind is known from now on.
    pub(crate) fn health(&self, kind: &Arc<Kind>) {
        let mut running = self.running();
        if !kind.watchable || !running.health.insert(kind.clone()) {
            return;
        }
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource);
        let stream = watcher(api, owned(&self.ownership)).default_backoff();
        let (memory, kind) = (self.memory.clone(), kind.clone());
        running.tasks.spawn(async move { see_health(stream, &memory, &kind, None).await });
    }

    /// Tells the memory of the health of a single object, owned by whomever, until the future is dropped.
    pub(crate) async fn health_of(&self, kind: &Arc<Kind>, id: &ObjectId) {
        let api = api_of(&self.client, kind, id);
        let only = watcher::Config::default().fields(&format!("metadata.name={}", id.name));
        see_health(watcher(api, only).default_backoff(), &self.memory, kind, Some(id)).await;
    }
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
    up: &watch::Sender<bool>,
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
                listed.insert(id(kind, &object.metadata));
                see(memory, kind, &object.metadata, ownership);
            }
            Ok(Event::InitDone) => {
                let doubtful = memory.see_all(&kind.resource.group, &kind.resource.kind, &listed, began);
                listed = HashSet::new();
                up.send_replace(true);
                doubts.set(look_for_all(doubtful, client, memory, kind).fuse());
            }
            Ok(Event::Apply(object)) => {
                up.send_replace(true);
                see(memory, kind, &object.metadata, ownership);
            }
            Ok(Event::Delete(object)) => {
                up.send_replace(true);
                let mark = Mark::read(&object.metadata, ownership);
                memory.see_gone(&id(kind, &object.metadata), mark.revision);
            }
            Err(error) => {
                up.send_replace(false);
                tracing::debug!(kind = kind.resource.kind, %error, "the watch for drift was interrupted");
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

fn see(memory: &Memory, kind: &Kind, metadata: &ObjectMeta, ownership: &Ownership) {
    let mark = Mark::read(metadata, ownership);
    memory.see(&id(kind, metadata), mark, LastWrite::read(metadata, ownership.field_manager));
}

async fn see_health(
    stream: impl Stream<Item = watcher::Result<Event<DynamicObject>>>,
    memory: &Memory,
    kind: &Kind,
    only: Option<&ObjectId>,
) {
    let mut stream = pin!(stream);
    let mut is_there = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                is_there = true;
                let revision = object.resource_version().and_then(|text| text.parse().ok()).unwrap_or(0);
                let id = id(kind, &object.metadata);
                let mut value = serde_json::to_value(&object).unwrap_or_default();
                // Lists give objects without their types.
                value["kind"] = kind.resource.kind.clone().into();
                value["apiVersion"] = kind.resource.api_version.clone().into();
                memory.see_health(&id, revision, health::assess(&value, Timestamp::now()));
            }
            Ok(Event::Delete(object)) => {
                let revision = object.resource_version().and_then(|text| text.parse().ok()).unwrap_or(0);
                memory.see_health(&id(kind, &object.metadata), revision, health::Health::not_found());
            }
            Ok(Event::Init) => is_there = false,
            Ok(Event::InitDone) => {
                if let Some(id) = only.filter(|_| !is_there) {
                    memory.forget_health(id);
                    memory.see_health(id, 0, health::Health::not_found());
                }
            }
            Err(error) => tracing::debug!(kind = kind.resource.kind, %error, "the watch for health was interrupted"),
        }
    }
}

#[cfg(test)]
#[path = "watching_tests.rs"]
pub(crate) mod tests;
