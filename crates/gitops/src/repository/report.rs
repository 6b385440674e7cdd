//! Writes what became of a fetch into the GitRepository's status, and tells everyone who needs to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::ConditionStatus::{False, True};
use cowherd_api::flux::annotations::{RECONCILE_REQUESTED_AT, SOURCE_STATUS_MANAGER};
use cowherd_api::flux::source::v1::{Artifact, GitRepository, GitRepositoryStatus};
use cowherd_source::RepositoryUrl;
use jiff::Timestamp;
use kube::ResourceExt;

use super::fetch::{Error, Found, SEAL, artifact_url, seal};
use super::{Shared, Told};
use crate::NamespacedName;
use crate::conditions::{
    ARTIFACT_IN_STORAGE, Conditions, FETCH_FAILED, READY, RECONCILING, STALLED, SUCCEEDED, find, holds, time,
};
use crate::events::Severity;

/// The component that events name.
const COMPONENT: &str = "source-controller";

/// The fields that a status can have.
const FIELDS: &[&str] = &[
    "observedGeneration",
    "conditions",
    "artifact",
    "includedArtifacts",
    "observedIgnore",
    "observedRecurseSubmodules",
    "observedInclude",
    "observedSparseCheckout",
    "sourceVerificationMode",
    "lastHandledReconcileAt",
];

/// What was told of a repository so far.
pub(super) struct Report {
    shared: Shared,
    name: NamespacedName,
    /// The status as it was last written, or found.
    status: GitRepositoryStatus,
    /// The content that was last told, by its revision and digest.
    told: Option<(String, String)>,
    listeners: Told,
}

impl Report {
    pub(super) fn new(shared: Shared, name: NamespacedName, object: &GitRepository, listeners: Told) -> Self {
        Self { shared, name, status: object.status.clone().unwrap_or_default(), told: None, listeners }
    }

    /// Tells what came of a fetch; whether all is well.
    pub(super) async fn of(&mut self, object: &GitRepository, fetched: Result<Found, Error>) -> bool {
        match fetched {
            Ok(found) => self.fetched(object, found).await,
            Err(error) => self.failed(object, &error).await,
        }
    }

    /// The repository was fetched. Whether that could be written down.
    async fn fetched(&mut self, object: &GitRepository, found: Found) -> bool {
        let content = found.content;
        let mut status = self.base(object);
        status.observed_ignore = object.spec.ignore.clone();
        status.observed_sparse_checkout = object.spec.sparse_checkout.clone().unwrap_or_default();
        let known = status.artifact.as_ref();
        let is_new = known.is_none_or(|known| known.revision != content.revision || known.digest != content.digest);
        if is_new {
            status.artifact = Some(self.artifact(object, &found.snapshot, &content));
        } else if let Some(known) = &mut status.artifact {
            known.metadata = Some(self.sealed(object, &known.url));
        }
        let has_recovered = holds(&status.conditions, FETCH_FAILED);
        let message = format!("stored artifact for revision '{}'", content.revision);
        let mut conditions = Conditions { list: &mut status.conditions, generation: generation(object) };
        conditions.set(READY, True, SUCCEEDED, &message);
        conditions.set(ARTIFACT_IN_STORAGE, True, SUCCEEDED, &message);
        [FETCH_FAILED, STALLED, RECONCILING].into_iter().for_each(|gone| conditions.remove(gone));
        // Whoever applies the content should not wait for the status to be written.
        self.tell(content);
        if is_new || has_recovered {
            let reason = if is_new { "NewArtifact" } else { SUCCEEDED };
            let message = format!("stored artifact for commit '{}'", found.snapshot.commit.subject);
            self.shared.recorder.tell(object, COMPONENT, Severity::Normal, reason, &message);
        }
        self.write(status).await
    }

    /// The repository could not be fetched: what was fetched before stays. Gives `false`.
    async fn failed(&mut self, object: &GitRepository, error: &Error) -> bool {
        let (reason, message) = (error.reason(), error.to_string());
        let mut status = self.base(object);
        let known = find(&status.conditions, FETCH_FAILED);
        let is_news = known.is_none_or(|known| known.message != message);
        let mut conditions = Conditions { list: &mut status.conditions, generation: generation(object) };
        conditions.set(FETCH_FAILED, True, reason, &message);
        if error.is_final() {
            conditions.stall(reason, &message)
        } else {
            conditions.fail(reason, &message)
        }
        if find(&status.conditions, READY).is_some_and(|ready| ready.status == False) && is_news {
            self.shared.recorder.tell(object, COMPONENT, Severity::Warning, reason, &message);
            tracing::warn!(repository = %self.name, message, "a repository cannot be fetched");
        }
        self.write(status).await;
        false
    }

    fn base(&self, object: &GitRepository) -> GitRepositoryStatus {
        let mut status = self.status.clone();
        status.observed_generation = object.metadata.generation;
        status.last_handled_reconcile_at = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        status
    }

    fn artifact(
        &self,
        object: &GitRepository,
        snapshot: &cowherd_source::Snapshot,
        content: &crate::fetched::Fetched,
    ) -> Artifact {
        let NamespacedName { namespace, name } = &self.name;
        let commit = snapshot.revision.commit();
        let url = RepositoryUrl::parse(&object.spec.url);
        let url = url.map(|url| artifact_url(&url, &snapshot.revision)).unwrap_or_default();
        Artifact {
            path: format!("gitrepository/{namespace}/{name}/{commit}"),
            metadata: Some(self.sealed(object, &url)),
            url,
            revision: content.revision.clone(),
            digest: content.digest.clone(),
            last_update_time: time(Timestamp::now()),
            size: None,
        }
    }

    fn sealed(&self, object: &GitRepository, artifact_url: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(SEAL.to_owned(), seal(&self.shared.config.seed, object, artifact_url))])
    }

    /// Tells whoever applies the content.
    pub(super) fn tell(&mut self, content: Arc<crate::fetched::Fetched>) {
        let now = (content.revision.clone(), content.digest.clone());
        if self.told.as_ref() != Some(&now) {
            self.told = Some(now);
            self.listeners.tell(content);
        }
    }

    async fn write(&mut self, status: GitRepositoryStatus) -> bool {
        if status == self.status {
            return true;
        }
        let client = &self.shared.client;
        let result =
            crate::status::write::<GitRepository>(client, &self.name, SOURCE_STATUS_MANAGER, FIELDS, &status).await;
        match result {
            Ok(()) => {
                self.status = status;
                true
            }
            Err(error) => {
                tracing::debug!(repository = %self.name, %error, "the status could not be written");
                false
            }
        }
    }
}

fn generation(object: &GitRepository) -> i64 {
    object.metadata.generation.unwrap_or_default()
}
