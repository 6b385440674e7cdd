//! Recorders of events, one for each component that events name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_api::flux::annotations::EVENT_PREFIX;
use cowherd_runtime::Recorder;
pub(crate) use cowherd_runtime::events::{Type, reference};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;

/// Something that happened.
pub(crate) struct Happened<'a> {
    pub(crate) about: ObjectReference,
    pub(crate) severity: Type,
    /// In one word.
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// What programs are told besides.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// How much of its own annotations an object gives to its events.
const GIVEN: usize = 16;
const LONGEST: usize = 1024;

/// The annotations of an object that its events have, too, as with Flux.
pub(crate) fn given(object: &ObjectMeta) -> impl Iterator<Item = (String, String)> {
    let annotations = object.annotations.iter().flatten();
    let given = annotations.filter(|(key, value)| key.starts_with(EVENT_PREFIX) && value.len() <= LONGEST);
    given.take(GIVEN).map(|(key, value)| (key.clone(), value.clone()))
}

/// Takes events from anywhere. Clones share it all.
#[derive(Clone)]
pub(crate) struct Recorders {
    client: Client,
    by_component: Arc<Mutex<HashMap<&'static str, Recorder>>>,
}

impl Recorders {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, by_component: Arc::default() }
    }

    /// Tells of something that happened. Never waits.
    pub(crate) fn tell(&self, component: &'static str, happened: Happened<'_>) {
        let Happened { about, severity, reason, message, annotations } = happened;
        self.of(component).annotated(about, severity, reason, message, annotations);
    }

    fn of(&self, component: &'static str) -> Recorder {
        let mut recorders = self.by_component.lock().unwrap_or_else(PoisonError::into_inner);
        let recorder = recorders.entry(component).or_insert_with(|| Recorder::new(self.client.clone(), component));
        recorder.clone()
    }
}
