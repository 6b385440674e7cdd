//! The ExternalArtifacts of a generator, as the API has them.

use std::collections::{BTreeMap, HashMap};

use cowherd_api::flux::annotations::{GENERATOR as GENERATOR_LABEL, GENERATOR_FIELD_MANAGER, ORIGIN_REVISION};
use cowherd_api::flux::source::v1::{self, ExternalArtifact};
use cowherd_api::flux::source_extensions::v1beta1::{ArtifactGenerator, ExternalArtifactReference};
use cowherd_api::{Condition, ConditionStatus};
use jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::making::Made;
use super::spec::{Wanted, is_name};
use crate::NamespacedName;
use crate::conditions::{READY, SUCCEEDED, find, time};
use crate::source::external_artifact;

/// The label that says by whom an object is kept.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The ExternalArtifacts of a generator, and what was written of them.
pub(super) struct Objects {
    client: Client,
    generator: NamespacedName,
    uid: String,
    written: HashMap<String, Written>,
}

/// What was written of an ExternalArtifact.
struct Written {
    uid: String,
    applied: Value,
    status: v1::ExternalArtifactStatus,
}

/// Why an ExternalArtifact is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    /// It is somebody else's.
    #[error(
        "ExternalArtifact '{name}' is there already and not this generator's{whose}; delete it, or choose another name"
    )]
    Foreign { name: NamespacedName, whose: String },
    /// No object can be called so.
    #[error("no object can be called {0:?}")]
    Name(String),
    /// The API refused.
    #[error("failed to apply ExternalArtifact: {0}")]
    Api(String),
}

impl From<kube::Error> for ObjectError {
    fn from(error: kube::Error) -> Self {
        Self::Api(match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        })
    }
}

impl Objects {
    pub(super) fn of(client: Client, object: &ArtifactGenerator) -> Self {
        let uid = object.uid().unwrap_or_default();
        Self { client, generator: NamespacedName::of(object), uid, written: HashMap::new() }
    }

    fn api(&self) -> Api<ExternalArtifact> {
        Api::namespaced(self.client.clone(), &self.generator.namespace)
    }

    /// Forgets what was written, so that all of it is compared with what is there.
    pub(super) fn doubt(&mut self) {
        self.written.clear();
    }

    /// Has an ExternalArtifact be there for what was made, before anything of it is told.
    ///
    /// # Errors
    /// When one is there that is somebody else's, or the API refuses.
    pub(super) async fn claim(&mut self, wanted: &Wanted, made: &Made) -> Result<(), ObjectError> {
        if !is_name(&made.name) {
            return Err(ObjectError::Name(made.name.clone()));
        }
        let desired = self.desired(wanted, made);
        if self.written.get(&made.name).is_some_and(|written| written.applied == desired) {
            return Ok(());
        }
        let found = self.api().get_opt(&made.name).await?;
        if let Some(found) = found.as_ref().filter(|found| !self.is_ours(found)) {
            return Err(self.foreign(found));
        }
        // What is ours is put right whoever changed it; of what was not there, nobody's fields are taken.
        let mut params = PatchParams::apply(GENERATOR_FIELD_MANAGER);
        params.force = found.is_some();
        let applied = self.api().patch(&made.name, &params, &Patch::Apply(&desired)).await?;
        let status = applied.status.clone().unwrap_or_default();
        let uid = applied.uid().unwrap_or_default();
        self.written.insert(made.name.clone(), Written { uid, applied: desired, status });
        Ok(())
    }

    /// Says in the status of the ExternalArtifact what was made; whether that is another one than before.
    pub(super) async fn publish(&mut self, made: &Made) -> Result<bool, ObjectError> {
        let api = self.api();
        let Some(written) = self.written.get_mut(&made.name) else { return Ok(false) };
        let status = status(&self.generator.namespace, made, &written.status);
        let is_new = written.status.artifact.as_ref().map(|known| &known.digest) != Some(&made.artifact.digest);
        if status == written.status {
            return Ok(false);
        }
        let patch = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": external_artifact::KIND.0,
            "metadata": { "name": made.name, "uid": written.uid }, "status": status });
        let params = PatchParams::apply(GENERATOR_FIELD_MANAGER).force();
        match api.patch_status(&made.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => written.status = status,
            Err(error) => {
                // Somebody deleted it, or made another one: it is looked at anew.
                self.written.remove(&made.name);
                return Err(error.into());
            }
        }
        Ok(is_new)
    }

    /// Those that this generator has made, by the label, and those of `inventory` that are its own.
    pub(super) async fn known(
        &self,
        inventory: &[ExternalArtifactReference],
    ) -> Result<Vec<ExternalArtifact>, ObjectError> {
        let labelled = ListParams::default().labels(&format!("{GENERATOR_LABEL}={}", self.uid));
        let mut known = self.api().list(&labelled).await?.items;
        for reference in inventory {
            let is_listed = known.iter().any(|object| object.name_any() == reference.name);
            if is_listed || reference.namespace != self.generator.namespace || !is_name(&reference.name) {
                continue;
            }
            known.extend(self.api().get_opt(&reference.name).await?);
        }
        known.retain(|object| self.is_ours(object));
        Ok(known)
    }

    /// Deletes one that is not made any more.
    pub(super) async fn delete(&mut self, object: &ExternalArtifact) -> Result<(), ObjectError> {
        let name = object.name_any();
        let preconditions = Preconditions { uid: object.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        self.written.remove(&name);
        match self.api().delete(&name, &params).await {
            Ok(_) => Ok(()),
            // It is gone, or another one by now.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an ExternalArtifact was made by this generator: it has its label, or names it as what it is made by, as after all
    /// objects were restored from a backup.
    fn is_ours(&self, object: &ExternalArtifact) -> bool {
        external_artifact::generator(object).as_ref() == Some(&self.generator)
            && object.labels().contains_key(GENERATOR_LABEL)
    }

    fn foreign(&self, object: &ExternalArtifact) -> ObjectError {
        let whose = object.spec.source_ref.as_ref().map_or_else(
            || ", for it names nobody who makes it".to_owned(),
            |by| format!(", but that of {} '{}'", by.kind, by.name),
        );
        ObjectError::Foreign { name: NamespacedName::of(object), whose }
    }

    fn desired(&self, wanted: &Wanted, made: &Made) -> Value {
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        let all = wanted.labels.iter().chain(&made.labels);
        labels.extend(all.map(|(key, value)| (key.as_str(), value.as_str())));
        labels.insert(MANAGED_BY, GENERATOR_FIELD_MANAGER);
        labels.insert(GENERATOR_LABEL, &self.uid);
        let mut metadata = json!({ "name": made.name, "namespace": self.generator.namespace, "labels": labels });
        if !wanted.annotations.is_empty() {
            metadata["annotations"] = json!(wanted.annotations);
        }
        let source = json!({ "apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": super::GENERATOR_KIND,
            "name": self.generator.name, "namespace": self.generator.namespace });
        json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": external_artifact::KIND.0,
            "metadata": metadata, "spec": { "sourceRef": source } })
    }
}

/// The entry of an artifact in the inventory.
pub(super) fn reference(namespace: &str, made: &Made) -> ExternalArtifactReference {
    ExternalArtifactReference {
        name: made.name.clone(),
        namespace: namespace.to_owned(),
        digest: made.artifact.digest.clone(),
        filename: filename(made),
    }
}

fn filename(made: &Made) -> String {
    format!("{}.tar.gz", made.artifact.digest.rsplit(':').next().unwrap_or_default())
}

/// The status of an ExternalArtifact of what was made. Times stay for as long as what they are about does.
fn status(namespace: &str, made: &Made, before: &v1::ExternalArtifactStatus) -> v1::ExternalArtifactStatus {
    let artifact = &made.artifact;
    let known = before.artifact.as_ref();
    let known = known.filter(|known| known.revision == artifact.revision && known.digest == artifact.digest);
    let now = || time(Timestamp::now());
    let origin = artifact.origin_revision().map(|revision| (ORIGIN_REVISION.to_owned(), revision.to_owned()));
    let name = &made.name;
    let ready = find(&before.conditions, READY).filter(|ready| ready.status == ConditionStatus::True);
    let condition = Condition {
        type_: READY.to_owned(),
        status: ConditionStatus::True,
        observed_generation: Some(1),
        last_transition_time: ready.map_or_else(now, |ready| ready.last_transition_time.clone()),
        reason: SUCCEEDED.to_owned(),
        message: "Artifact is ready".to_owned(),
    };
    v1::ExternalArtifactStatus {
        artifact: Some(v1::Artifact {
            path: format!("externalartifact/{namespace}/{name}/{}", filename(made)),
            url: format!("externalartifact/{namespace}/{name}@{}", artifact.digest),
            revision: artifact.revision.clone(),
            digest: artifact.digest.clone(),
            last_update_time: known.map_or_else(now, |known| known.last_update_time.clone()),
            size: None,
            metadata: origin.map(|origin| BTreeMap::from([origin])),
        }),
        conditions: vec![condition],
    }
}
