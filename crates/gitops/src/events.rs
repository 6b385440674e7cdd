//! Recorders of events, one for each component that events name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use cowherd_runtime::events::Type;
use cowherd_runtime::{Recorder, events};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource};

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

    /// Tells of something that happened to `object`. Never waits.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        component: &'static str,
        type_: Type,
        reason: &str,
        message: &str,
    ) {
        self.about(events::reference(object, &()), component, type_, reason, message);
    }

    /// Tells of something that happened to whatever is referred to. Never waits.
    pub(crate) fn about(
        &self,
        about: ObjectReference,
        component: &'static str,
        type_: Type,
        reason: &str,
        message: &str,
    ) {
        self.of(component).about(about, type_, reason, message);
    }

    fn of(&self, component: &'static str) -> Recorder {
        let mut recorders = self.by_component.lock().unwrap_or_else(PoisonError::into_inner);
        let recorder = recorders.entry(component).or_insert_with(|| Recorder::new(self.client.clone(), component));
        recorder.clone()
    }
}
