//! Recorders of events, one for each component that events name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_api::flux::annotations::EVENT_PREFIX;
use cowherd_notify::{COMMIT_STATUS, Event, Notifications, Severity, UPDATE};
use cowherd_runtime::conditions::told;
pub(crate) use cowherd_runtime::events::{Type, reference};
use cowherd_runtime::{Health, Metrics, Recorder};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
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
pub(crate) fn given<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (String, String)> {
    let given = annotations.filter(|(key, value)| key.starts_with(EVENT_PREFIX) && value.len() <= LONGEST);
    given.take(GIVEN).map(|(key, value)| (key.to_owned(), value.to_owned()))
}

/// Takes events from anywhere. Clones share it all.
#[derive(Clone)]
pub(crate) struct Recorders {
    client: Client,
    by_component: Arc<Mutex<HashMap<&'static str, Recorder>>>,
    /// Who tells the world of them.
    notifications: Option<Notifications>,
    /// The machine on which they are told.
    machine: Arc<str>,
    health: Health,
    metrics: Metrics,
}

impl Recorders {
    pub(crate) fn new(client: Client, health: &Health, metrics: &Metrics) -> Self {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            client,
            by_component: Arc::default(),
            notifications: None,
            machine: machine.trim().into(),
            health: health.clone(),
            metrics: metrics.clone(),
        }
    }

    /// The same, and what is told is also told to whom Alerts name.
    pub(crate) fn and_to(mut self, notifications: &Notifications) -> Self {
        self.notifications = Some(notifications.clone());
        self
    }

    /// Tells of something that happened. Never waits.
    pub(crate) fn tell(&self, component: &'static str, happened: Happened<'_>) {
        self.notify(component, &happened);
        let Happened { about, severity, reason, message, annotations } = happened;
        self.of(component).annotated(about, severity, reason, message, annotations);
    }

    /// Tells of the state that a commit has come to, to whom Alerts name alone: there is no event of it.
    pub(crate) fn tell_commit_status(&self, component: &'static str, mut happened: Happened<'_>) {
        let version = happened.about.api_version.as_deref().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        happened.annotations.insert(format!("{group}/{COMMIT_STATUS}"), UPDATE.to_owned());
        self.notify(component, &happened);
    }

    fn notify(&self, component: &'static str, happened: &Happened<'_>) {
        let Some(notifications) = &self.notifications else { return };
        let severity = match happened.severity {
            Type::Normal => Severity::Info,
            Type::Warning => Severity::Error,
        };
        notifications.tell(Event {
            involved_object: happened.about.clone(),
            severity,
            timestamp: Timestamp::now(),
            message: told(happened.message),
            reason: happened.reason.to_owned(),
            metadata: happened.annotations.clone(),
            reporting_controller: component.to_owned(),
            reporting_instance: self.machine.to_string(),
        });
    }

    fn of(&self, component: &'static str) -> Recorder {
        let mut recorders = self.by_component.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Recorder::new(self.client.clone(), component, &self.health, &self.metrics);
        recorders.entry(component).or_insert_with(new).clone()
    }
}
