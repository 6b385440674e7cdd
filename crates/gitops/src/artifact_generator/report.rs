//! Writes what became of a generator into its status, and tells everyone who needs to know.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::{GENERATOR_FIELD_MANAGER, RECONCILE_REQUESTED_AT};
use cowherd_api::flux::source_extensions::v1beta1::{
    ArtifactGenerator, ArtifactGeneratorStatus, ExternalArtifactReference,
};
use kube::api::{ApiResource, DynamicObject};
use kube::{Resource, ResourceExt};

use super::GENERATOR;
use super::error::Error;
use crate::conditions::{Conditions, READY, RECONCILING, STALLED, SUCCEEDED, find};
use crate::events::{self, Happened, Type};
use crate::source::{Shared, SourceName};
use crate::status::{Place, Precondition, Written};
use crate::{NamespacedName, Occasion, Progress, Trigger};
use cowherd_api::ConditionStatus::{False, True};

/// The component that events name.
const COMPONENT: &str = "source-watcher";

/// The fields that the status can have.
const FIELDS: &[&str] = &["conditions", "inventory", "lastHandledReconcileAt", "observedSourcesDigest"];

/// What was told of a generator so far.
pub(super) struct Report {
    shared: Shared,
    name: NamespacedName,
    /// The status as it was last written, or found.
    status: ArtifactGeneratorStatus,
    precondition: Precondition,
}

impl Report {
    pub(super) fn new(shared: Shared, name: NamespacedName, object: &ArtifactGenerator) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let precondition = found_with(object);
        Self { shared, name, status, precondition }
    }

    /// What was made, as it was last said.
    pub(super) fn inventory(&self) -> &[ExternalArtifactReference] {
        &self.status.inventory
    }

    /// All was made. Whether that could be written down.
    pub(super) async fn succeeded(
        &mut self,
        object: &ArtifactGenerator,
        inventory: Vec<ExternalArtifactReference>,
        sources: String,
    ) -> bool {
        let is_known = |one: &ExternalArtifactReference| {
            self.status.inventory.iter().any(|known| known.name == one.name && known.digest == one.digest)
        };
        /// How many are named.
        const NAMED: usize = 20;
        let named = |one: &ExternalArtifactReference| format!("{}/{} ({})", one.namespace, one.name, one.digest);
        let changed: Vec<String> = inventory.iter().filter(|one| !is_known(one)).map(named).collect();
        let message = format!("reconciliation succeeded, generated {} artifact(s)", inventory.len());
        let mut status = self.base(object);
        (status.inventory, status.observed_sources_digest) = (inventory, Some(sources));
        let (is_new, occasion) = (!changed.is_empty(), Occasion::new(None, Trigger::Revision));
        if let Some(listener) = self.shared.config.progress.as_ref().filter(|_| self.is_ours(object)) {
            let _ = listener.send(Progress::looked(&self.source(), occasion, is_new));
        }
        let was_ready = find(&self.status.conditions, READY).is_some_and(|ready| ready.status == True);
        let mut conditions = conditions(object, &mut status);
        conditions.set(READY, True, SUCCEEDED, &message);
        [STALLED, RECONCILING].into_iter().for_each(|gone| conditions.remove(gone));
        if !changed.is_empty() {
            let said =
                format!("external artifacts reconciled: {}", cowherd_text::listed(changed.iter().cloned(), NAMED));
            self.record(object, Type::Normal, READY, &said);
            tracing::info!(generator = %self.name, "{said}");
        } else if !was_ready {
            self.record(object, Type::Normal, READY, &message);
        }
        self.write(object, status).await
    }

    /// Something failed; what was made before stays, with what was made now.
    pub(super) async fn failed(
        &mut self,
        object: &ArtifactGenerator,
        error: &Error,
        inventory: Vec<ExternalArtifactReference>,
    ) {
        let (reason, message) = (error.reason(), error.to_string());
        let mut status = self.base(object);
        for reference in inventory {
            status.inventory.retain(|known| known.name != reference.name);
            status.inventory.push(reference);
        }
        let known = find(&status.conditions, READY);
        let is_news = known.is_none_or(|known| known.status != False || known.message != message);
        let mut conditions = conditions(object, &mut status);
        match error.is_final() {
            true => conditions.stall(reason, &message),
            false => conditions.fail(reason, &message),
        }
        if is_news {
            self.record(object, Type::Warning, reason, &message);
            tracing::error!(generator = %self.name, reason, "{message}");
        }
        if let Some(listener) = self.shared.config.progress.as_ref().filter(|_| self.is_ours(object)) {
            let _ = listener.send(Progress::failed(&self.source(), &message, !error.is_final()));
        }
        self.write(object, status).await;
    }

    fn base(&self, object: &ArtifactGenerator) -> ArtifactGeneratorStatus {
        let requested = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        let status = self.status.clone();
        ArtifactGeneratorStatus {
            last_handled_reconcile_at: requested.or(status.last_handled_reconcile_at.clone()),
            ..status
        }
    }

    /// The generator, as it is called among what is told of sources.
    fn source(&self) -> SourceName {
        SourceName { kind: GENERATOR, name: self.name.clone() }
    }

    fn is_ours(&self, object: &ArtifactGenerator) -> bool {
        self.shared.config.shard.has(object.meta().labels.as_ref())
    }

    fn record(&self, object: &ArtifactGenerator, severity: Type, reason: &str, message: &str) {
        if self.is_ours(object) {
            let given = object.annotations().iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let annotations: BTreeMap<String, String> = events::given(given).collect();
            let happened = Happened { about: events::reference(object, &()), severity, reason, message, annotations };
            self.shared.recorder.tell(COMPONENT, happened);
        }
    }

    /// Writes the status, unless it is there already. Whether it is there.
    async fn write(&mut self, object: &ArtifactGenerator, status: ArtifactGeneratorStatus) -> bool {
        let seen = || object.status.clone().unwrap_or_default();
        self.precondition.see(object.resource_version().as_deref(), seen);
        if (status == self.status && status == seen()) || !self.is_ours(object) {
            return true;
        }
        let place = Place { resource: ApiResource::erase::<ArtifactGenerator>(&()), name: self.name.clone() };
        self.precondition.sends(&status);
        let is_ours = |live: &DynamicObject| {
            read(live).is_some_and(|live| self.precondition.is_ours(&live.status.unwrap_or_default()))
        };
        let (client, manager) = (&self.shared.client, GENERATOR_FIELD_MANAGER);
        let written = crate::status::write(client, &place, manager, (FIELDS, &status), &self.precondition, is_ours);
        let (found, is_written) = match written.await {
            Ok(Written::Done(object)) => (object, true),
            Ok(Written::Overtaken(live)) => {
                tracing::warn!(generator = %self.name, "somebody else wrote the status meanwhile; what they wrote counts");
                (live, false)
            }
            Err(error) => {
                tracing::debug!(generator = %self.name, %error, "the status could not be written");
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

fn conditions<'a>(object: &ArtifactGenerator, status: &'a mut ArtifactGeneratorStatus) -> Conditions<'a> {
    Conditions { list: &mut status.conditions, generation: object.metadata.generation.unwrap_or_default() }
}

fn found_with(object: &ArtifactGenerator) -> Precondition {
    let status = object.status.clone().unwrap_or_default();
    Precondition::found(object.metadata.uid.as_deref(), object.metadata.resource_version.as_deref(), &status)
}

fn read(object: &DynamicObject) -> Option<ArtifactGenerator> {
    serde_json::to_value(object).and_then(serde_json::from_value).ok()
}
