//! Writes what a provider gives into its status, and tells everyone who needs to know.

use std::collections::BTreeMap;

use cowherd_api::ConditionStatus::{False, True};
use cowherd_api::flux::annotations::{OPERATOR_FIELD_MANAGER, RECONCILE_REQUESTED_AT};
use cowherd_api::flux::controlplane::v1::{Input, ResourceSetInputProvider, ResourceSetInputProviderStatus};
use kube::api::{ApiResource, DynamicObject};
use kube::{Resource, ResourceExt};

use super::PROVIDER;
use super::export::ExportError;
use crate::conditions::{Conditions, READY, RECONCILIATION_SUCCEEDED, RECONCILING, STALLED, find};
use crate::events::{self, Happened, Type};
use crate::source::{Shared, SourceName};
use crate::status::{Place, Precondition, Written};
use crate::{NamespacedName, Occasion, Progress, Trigger};

/// The component that events name.
const COMPONENT: &str = "flux-operator";

/// The fields that the status can have.
const FIELDS: &[&str] = &[
    "conditions",
    "exportedInputs",
    "lastExportedRevision",
    "lastHandledForceAt",
    "lastHandledReconcileAt",
    "nextSchedule",
    "observedGeneration",
];

/// What was told of a provider so far.
pub(super) struct Report {
    shared: Shared,
    name: NamespacedName,
    /// The status as it was last written, or found.
    status: ResourceSetInputProviderStatus,
    precondition: Precondition,
}

impl Report {
    pub(super) fn new(shared: Shared, name: NamespacedName, object: &ResourceSetInputProvider) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let precondition = found_with(object);
        Self { shared, name, status, precondition }
    }

    /// These are the inputs. Whether that could be written down.
    pub(super) async fn succeeded(&mut self, object: &ResourceSetInputProvider, inputs: Vec<Input>) -> bool {
        let mut status = self.base(object);
        let listed = serde_json::to_value(&inputs).unwrap_or_default();
        let revision = crate::source::digest(cowherd_yaml::to_string(&listed).as_bytes());
        let is_new = status.last_exported_revision.as_ref() != Some(&revision);
        let message = match inputs.len() {
            1 => "Exported 1 input".to_owned(),
            count => format!("Exported {count} inputs"),
        };
        (status.exported_inputs, status.last_exported_revision) = (inputs, Some(revision.clone()));
        let was_ready = find(&self.status.conditions, READY).is_some_and(|ready| ready.status == True);
        let mut conditions = conditions(object, &mut status);
        conditions.set(READY, True, RECONCILIATION_SUCCEEDED, &message);
        [STALLED, RECONCILING].into_iter().for_each(|gone| conditions.remove(gone));
        status.observed_generation = object.metadata.generation;
        if let Some(listener) = self.shared.config.progress.as_ref() {
            let _ = listener.send(Progress::looked(&self.source(), Occasion::new(None, Trigger::Revision), is_new));
        }
        if is_new || !was_ready {
            let said = format!("{message}, revision {revision}");
            self.record(object, Type::Normal, RECONCILIATION_SUCCEEDED, &said);
            tracing::info!(provider = %self.name, "{said}");
        }
        self.write(object, status).await
    }

    /// Something failed; what was given before stays.
    pub(super) async fn failed(&mut self, object: &ResourceSetInputProvider, error: &ExportError) {
        let (reason, message) = (error.reason, error.to_string());
        let mut status = self.base(object);
        let known = find(&status.conditions, READY);
        let is_news = known.is_none_or(|known| known.status != False || known.message != message);
        let mut conditions = conditions(object, &mut status);
        match error.is_final {
            true => conditions.stall(reason, &message),
            false => conditions.fail(reason, &message),
        }
        if error.is_final {
            status.observed_generation = object.metadata.generation;
        }
        if is_news {
            self.record(object, Type::Warning, reason, &message);
            tracing::error!(provider = %self.name, reason, "{message}");
        }
        if let Some(listener) = self.shared.config.progress.as_ref() {
            let _ = listener.send(Progress::failed(&self.source(), &message, !error.is_final));
        }
        self.write(object, status).await;
    }

    fn base(&self, object: &ResourceSetInputProvider) -> ResourceSetInputProviderStatus {
        let requested = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        let status = self.status.clone();
        ResourceSetInputProviderStatus {
            last_handled_reconcile_at: requested.or(status.last_handled_reconcile_at.clone()),
            ..status
        }
    }

    /// The provider, as it is called among what is told of sources.
    fn source(&self) -> SourceName {
        SourceName { kind: PROVIDER, name: self.name.clone() }
    }

    fn record(&self, object: &ResourceSetInputProvider, severity: Type, reason: &str, message: &str) {
        let given = object.annotations().iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let annotations: BTreeMap<String, String> = events::given(given).collect();
        let happened = Happened { about: events::reference(object, &()), severity, reason, message, annotations };
        self.shared.recorder.tell(COMPONENT, happened);
    }

    /// Writes the status, unless it is there already. Whether it is there.
    async fn write(&mut self, object: &ResourceSetInputProvider, status: ResourceSetInputProviderStatus) -> bool {
        let seen = || object.status.clone().unwrap_or_default();
        self.precondition.see(object.resource_version().as_deref(), seen);
        if status == self.status && status == seen() {
            return true;
        }
        let resource = ApiResource::erase::<ResourceSetInputProvider>(&());
        let place = Place { resource, name: self.name.clone() };
        self.precondition.sends(&status);
        let is_ours = |live: &DynamicObject| {
            read(live).is_some_and(|live| self.precondition.is_ours(&live.status.unwrap_or_default()))
        };
        let (client, manager) = (&self.shared.client, OPERATOR_FIELD_MANAGER);
        let written = crate::status::write(client, &place, manager, (FIELDS, &status), &self.precondition, is_ours);
        let (found, is_written) = match written.await {
            Ok(Written::Done(object)) => (object, true),
            Ok(Written::Overtaken(live)) => {
                tracing::warn!(provider = %self.name, "somebody else wrote the status meanwhile; what they wrote counts");
                (live, false)
            }
            Err(error) => {
                tracing::debug!(provider = %self.name, %error, "the status could not be written");
                return false;
            }
        };
        if let Some(found) = read(&found) {
            self.precondition = found_with(&found);
            self.status = if is_written { status } else { found.status.unwrap_or_default() };
        }
        is_written
    }
}

fn conditions<'a>(object: &ResourceSetInputProvider, status: &'a mut ResourceSetInputProviderStatus) -> Conditions<'a> {
    Conditions { list: &mut status.conditions, generation: object.metadata.generation.unwrap_or_default() }
}

fn found_with(object: &ResourceSetInputProvider) -> Precondition {
    let status = object.status.clone().unwrap_or_default();
    Precondition::found(object.meta().uid.as_deref(), object.meta().resource_version.as_deref(), &status)
}

fn read(object: &DynamicObject) -> Option<ResourceSetInputProvider> {
    serde_json::to_value(object).and_then(serde_json::from_value).ok()
}
