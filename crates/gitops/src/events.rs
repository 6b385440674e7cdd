//! Tells people what happened, as events on the objects that it happened to.
//!
//! One task writes all events, one after the other. What is told again within a while raises the count of the first
//! event; when more is told than can be written, what went well is dropped first.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;

use crate::conditions::shortened;

/// How many events may wait to be written.
const WAITING: usize = 4096;
/// How many of these may tell of what went well.
const WAITING_NORMAL: usize = 3072;
/// For how many events it is remembered that they were written, and for how long.
const REMEMBERED: usize = 2048;
const MEMORY: Duration = Duration::from_secs(600);

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

struct Note {
    about: ObjectReference,
    component: &'static str,
    severity: Severity,
    reason: String,
    message: String,
    at: Timestamp,
}

/// Takes events from anywhere.
#[derive(Clone)]
pub(crate) struct Recorder {
    notes: mpsc::Sender<Note>,
    dropped: Arc<AtomicU64>,
}

/// A recorder, and the task that writes what it takes.
pub(crate) fn recorder(client: Client) -> (Recorder, impl Future<Output = ()> + Send) {
    let (notes, inbox) = mpsc::channel(WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    (Recorder { notes, dropped: dropped.clone() }, write(client, inbox, dropped))
}

impl Recorder {
    /// Tells of something that happened to `object`. Never waits.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        component: &'static str,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        let crowded = self.notes.capacity() < WAITING - WAITING_NORMAL;
        let about = ObjectReference {
            api_version: Some(K::api_version(&()).into_owned()),
            kind: Some(K::kind(&()).into_owned()),
            name: Some(object.name_any()),
            namespace: object.namespace(),
            uid: object.uid(),
            resource_version: object.resource_version(),
            field_path: None,
        };
        let message = shortened(message);
        let note = Note { about, component, severity, reason: reason.to_owned(), message, at: Timestamp::now() };
        if (crowded && severity == Severity::Normal) || self.notes.try_send(note).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Same = (Option<String>, Severity, String, String);

/// The events that were written lately.
#[derive(Default)]
struct Written {
    events: HashMap<Same, (String, i32, Instant)>,
    order: VecDeque<Same>,
}

impl Written {
    fn again(&mut self, same: &Same) -> Option<(String, i32)> {
        let (name, count, at) = self.events.get_mut(same)?;
        if at.elapsed() > MEMORY {
            return None;
        }
        *count += 1;
        Some((name.clone(), *count))
    }

    fn remember(&mut self, same: Same, name: String) {
        if self.events.insert(same.clone(), (name, 1, Instant::now())).is_none() {
            self.order.push_back(same);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.events.remove(&oldest);
            }
        }
    }
}

async fn write(client: Client, mut inbox: mpsc::Receiver<Note>, dropped: Arc<AtomicU64>) {
    let mut written = Written::default();
    while let Some(note) = inbox.recv().await {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "events were dropped because too many happened at once");
        }
        if let Err(error) = write_one(&client, note, &mut written).await {
            tracing::debug!(%error, "an event could not be written");
        }
    }
}

async fn write_one(client: &Client, note: Note, written: &mut Written) -> kube::Result<()> {
    let namespace = note.about.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let same: Same = (note.about.uid.clone(), note.severity, note.reason.clone(), note.message.clone());
    if let Some((name, count)) = written.again(&same) {
        let patch = json!({ "count": count, "lastTimestamp": crate::conditions::time(note.at) });
        match api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Err(error) if crate::status::is_not_found(&error) => {}
            result => return result.map(drop),
        }
    }
    let unique = note.at.as_nanosecond();
    let name = format!("{}.{unique:x}", note.about.name.as_deref().unwrap_or_default());
    api.create(&PostParams::default(), &event(note, &name, &namespace)).await?;
    written.remember(same, name);
    Ok(())
}

fn event(note: Note, name: &str, namespace: &str) -> Event {
    let time = Some(Time(note.at));
    Event {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        involved_object: note.about,
        type_: Some(if note.severity == Severity::Normal { "Normal" } else { "Warning" }.to_owned()),
        reason: Some(note.reason),
        message: Some(note.message),
        count: Some(1),
        first_timestamp: time.clone(),
        last_timestamp: time,
        source: Some(EventSource { component: Some(note.component.to_owned()), host: None }),
        reporting_component: Some(note.component.to_owned()),
        ..Event::default()
    }
}
