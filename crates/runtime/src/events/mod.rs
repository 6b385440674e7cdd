//! Events: what controllers did, for people who look.
//!
//! An event that happens again is one event with a count; many that are alike but for their text become one; and an
//! object about which one controller has too much to say is not spoken of for a while. The numbers are client-go's.
//! Events are a courtesy: no reconciliation waits for one to be written, and what cannot be written is dropped.

mod bucket;
mod correlator;
mod recent;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::{Mutex, mpsc};

use crate::conditions::told;
use crate::{Health, Metrics, supervise_until_done};

/// How many events may wait to be written.
const WAITING: usize = 4096;
/// How many of these may tell of what went well.
const WAITING_NORMAL: usize = 3072;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// It is.
    Normal,
    /// It is not.
    Warning,
}

impl Type {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
struct Note {
    about: ObjectReference,
    severity: Type,
    reason: String,
    message: String,
    /// What programs are told besides.
    annotations: BTreeMap<String, String>,
    at: Timestamp,
}

/// Takes the events of one controller. Clones share its memory of what was written.
#[derive(Clone, Debug)]
pub struct Recorder {
    notes: mpsc::Sender<Note>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder for the controller of this name. A task of its own writes what it takes; it ends after the last
    /// clone, when all is written. Should it panic it is started again, and that is told and counted as of any other loop.
    pub fn new(client: Client, component: &'static str, health: &Health, metrics: &Metrics) -> Self {
        let (notes, inbox) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        let write = async move |inbox: &mut mpsc::Receiver<Note>| write::write(&client, component, inbox, &lost).await;
        tokio::spawn(keep_writing(format!("events of {component}"), health.clone(), metrics.clone(), inbox, write));
        Self { notes, dropped }
    }

    /// Says that something normal happened to an object. Never waits.
    pub fn normal<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, message: &str) {
        self.about(reference(object, &()), Type::Normal, reason, message);
    }

    /// Says that something went wrong with an object. Never waits.
    pub fn warning<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, message: &str) {
        self.about(reference(object, &()), Type::Warning, reason, message);
    }

    /// Says that something happened to whatever is referred to. Never waits: when more is told than can be written,
    /// what went well is dropped first.
    pub fn about(&self, about: ObjectReference, severity: Type, reason: &str, message: &str) {
        self.annotated(about, severity, reason, message, BTreeMap::new());
    }

    /// The same with annotations, for programs. An event that happens again has those of the last time.
    pub fn annotated(
        &self,
        about: ObjectReference,
        severity: Type,
        reason: &str,
        message: &str,
        annotations: BTreeMap<String, String>,
    ) {
        let message = told(message);
        let note = Note { about, severity, reason: reason.to_owned(), message, annotations, at: Timestamp::now() };
        let crowded = self.notes.capacity() < WAITING - WAITING_NORMAL;
        if (crowded && severity == Type::Normal) || self.notes.try_send(note).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Has what comes in written until nobody can send any more. What panicked while it was written is lost, and nothing else.
async fn keep_writing(
    name: String,
    health: Health,
    metrics: Metrics,
    inbox: mpsc::Receiver<Note>,
    write: impl AsyncFn(&mut mpsc::Receiver<Note>),
) {
    let inbox = Mutex::new(inbox);
    supervise_until_done(&name, &health, &metrics, || async { write(&mut *inbox.lock().await).await }).await;
}

/// The reference by which an event names its object.
pub fn reference<K: Resource>(object: &K, kind: &K::DynamicType) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(kind).into_owned()),
        kind: Some(K::kind(kind).into_owned()),
        name: object.meta().name.clone(),
        namespace: object.meta().namespace.clone(),
        uid: object.uid(),
        resource_version: object.resource_version(),
        field_path: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_panics_is_started_again_told_and_counted_and_ends_with_the_last_sender() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let (notes, inbox) = mpsc::channel(WAITING);
        let (tell, mut written) = mpsc::unbounded_channel();
        let write = async move |inbox: &mut mpsc::Receiver<Note>| {
            while let Some(note) = inbox.recv().await {
                assert!(note.reason != "Bad", "{}", note.message);
                let _ = tell.send(note.reason);
            }
        };
        let writing =
            tokio::spawn(keep_writing("events of it".to_owned(), health.clone(), metrics.clone(), inbox, write));
        let recorder = Recorder { notes, dropped: Arc::default() };
        for reason in ["Bad", "Good"] {
            recorder.about(ObjectReference::default(), Type::Warning, reason, "hunter2");
        }
        assert_eq!(written.recv().await.as_deref(), Some("Good"));
        let problem = health.problems().remove(0);
        assert_eq!((problem.name.as_str(), problem.restarts), ("events of it", 1));
        assert!(!problem.reason.contains("hunter2"), "{problem:?}");
        assert!(metrics.text().contains("cowherd_loop_restarts_total{name=\"events of it\"} 1"), "{}", metrics.text());
        drop(recorder);
        writing.await.unwrap();
        assert!(health.loops_by_name().is_empty());
    }
}
