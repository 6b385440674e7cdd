//! Writes what became of a look at a source into its status, and tells everyone who needs to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::ConditionStatus::{False, True};
use cowherd_api::flux::annotations::{RECONCILE_REQUESTED_AT, SOURCE_STATUS_MANAGER};
use cowherd_api::flux::source::v1;
use cowherd_apply::mask::Mask;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject};

use super::news::Teller;
use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceName, Stored, seal};
use crate::conditions::{
    ARTIFACT_IN_STORAGE, BUILD_FAILED, Conditions, FETCH_FAILED, INCLUDE_UNAVAILABLE, READY, RECONCILING,
    SOURCE_VERIFIED, STALLED, STORAGE_OPERATION_FAILED, SUCCEEDED, find, holds, time,
};
use crate::events::{self, Happened, Type};
use crate::status::{Place, Precondition, Written};
use crate::{Authorship, Occasion, Progress, Trigger};

/// The component that events name.
const COMPONENT: &str = "source-controller";

/// What was told of a source so far.
pub(super) struct Report {
    shared: Shared,
    name: SourceName,
    /// The status as it was last written, or found.
    status: Status,
    /// What is known of it as the API has it.
    precondition: Precondition,
    teller: Teller,
    /// What was last told of an object of which nothing is written down.
    unwritten: Option<Problem>,
}

impl Report {
    pub(super) fn new(shared: Shared, name: SourceName, object: &impl Source, teller: Teller) -> Self {
        let status = object.status();
        let precondition = found_with(object, &status);
        Self { shared, name, status, precondition, teller, unwritten: None }
    }

    /// Tells what came of a look, in which the values were read that `mask` hides; whether all is well.
    pub(super) async fn of<K: Source>(&mut self, object: &K, fetched: Result<Found, Problem>, mask: &Mask) -> bool {
        let fetched = fetched.map_err(|problem| problem.masked(mask));
        match fetched {
            fetched if !K::IS_REPORTED => self.only_tell(object, fetched, mask),
            Ok(found) => self.fetched(object, found).await,
            Err(problem) => self.failed(object, &problem, mask).await,
        }
    }

    /// Tells whoever applies the content. Nothing is written down: whoever makes it does that. What we could not fetch is told by an
    /// event, since nobody else knows of it.
    fn only_tell<K: Source>(&mut self, object: &K, fetched: Result<Found, Problem>, mask: &Mask) -> bool {
        let listener = self.shared.config.progress.as_ref().filter(|_| self.shared.is_ours(object));
        let tell = |progress: Progress| {
            if let Some(listener) = listener {
                let _ = listener.send(progress);
            }
        };
        match fetched {
            Ok(found) => {
                let occasion = Occasion::new(Some(&found.artifact), Trigger::Revision);
                let is_new = self.unwritten.take().is_some();
                tell(Progress::looked(&self.name, occasion, is_new));
                self.tell(found.artifact);
                true
            }
            Err(problem) => {
                self.teller.failed(&problem, false);
                // What is made of another one says by that what it waits for.
                if object.made_of().is_empty() && self.unwritten.as_ref() != Some(&problem) {
                    let (Problem { reason, may_pass, .. }, message) = (&problem, problem.told(mask));
                    tell(Progress::failed(&self.name, &message, *may_pass));
                    self.record(object, Type::Warning, reason, &message, BTreeMap::new());
                    tracing::error!(reason, "the source cannot be fetched: {message}");
                    self.unwritten = Some(problem);
                }
                false
            }
        }
    }

    /// The source has this. Whether that could be written down.
    async fn fetched<K: Source>(&mut self, object: &K, found: Found) -> bool {
        let Found { artifact, url, path, news, stored, mut metadata, verified, observed } = found;
        let mut status = self.base(object);
        status.observed_generation = object.meta().generation;
        for field in K::STATUS_FIELDS {
            match observed.get(*field) {
                Some(value) => drop(status.own.insert((*field).to_owned(), value.clone())),
                None => drop(status.own.remove(*field)),
            }
        }
        let seed = &self.shared.config.seed;
        let known = status.artifact.as_ref();
        let is_new = known.is_none_or(|known| known.revision != artifact.revision || known.digest != artifact.digest);
        metadata.extend(seal::put(seed, object, &url));
        let metadata = Some(metadata);
        match &mut status.artifact {
            Some(known) if !is_new => (known.url, known.metadata) = (url, metadata),
            stored => {
                *stored = Some(v1::Artifact {
                    path,
                    metadata,
                    url,
                    revision: artifact.revision.clone(),
                    digest: artifact.digest.clone(),
                    last_update_time: time(Timestamp::now()),
                    size: None,
                });
            }
        }
        let was_unverified = find(&status.conditions, SOURCE_VERIFIED).is_some_and(|found| found.status == False);
        let has_failed = |about| holds(&status.conditions, about);
        let has_recovered = was_unverified || FAILURES.iter().any(|about| has_failed(about));
        let new_artifact = stored.as_ref().map_or("NewArtifact", |stored| stored.event());
        let Stored { reason, message } = stored.unwrap_or_else(|| {
            let message = format!("stored artifact for {} '{}'", K::STORED_FOR, artifact.revision);
            Stored { reason: SUCCEEDED, message }
        });
        let mut conditions = Conditions { list: &mut status.conditions, generation: generation(object) };
        conditions.set(READY, True, reason, &message);
        conditions.set(ARTIFACT_IN_STORAGE, True, reason, &message);
        match verified {
            Some(verified) => conditions.set(SOURCE_VERIFIED, True, SUCCEEDED, &verified),
            None => conditions.remove(SOURCE_VERIFIED),
        }
        FAILURES.iter().chain(&[STALLED, RECONCILING]).for_each(|gone| conditions.remove(gone));
        let annotations = annotations::<K>(&artifact);
        let occasion = Occasion::new(Some(&artifact), Trigger::Revision);
        if let Some(listener) = &self.shared.config.progress {
            let _ = listener.send(Progress::looked(&self.name, occasion, is_new));
        }
        // Whoever applies the content should not wait for the status to be written.
        self.tell(artifact);
        if is_new || has_recovered {
            let reason = if is_new { new_artifact } else { reason };
            self.record(object, Type::Normal, reason, &news, annotations);
            tracing::info!("{news}");
        }
        self.write(object, status).await
    }

    /// There was nothing to be had: what was fetched before stays. Gives `false`.
    async fn failed<K: Source>(&mut self, object: &K, problem: &Problem, mask: &Mask) -> bool {
        let Problem { reason, is_final, may_pass, is_unverified, .. } = problem;
        let message = &problem.told(mask);
        let mut status = self.base(object);
        let about = match *reason {
            _ if *is_unverified => SOURCE_VERIFIED,
            reason if OF_BUILDS.contains(&reason) => BUILD_FAILED,
            reason if OF_INCLUDES.contains(&reason) => INCLUDE_UNAVAILABLE,
            reason if OF_COPIES.contains(&reason) => STORAGE_OPERATION_FAILED,
            _ => FETCH_FAILED,
        };
        let known = find(&status.conditions, about);
        let is_news = known.is_none_or(|known| known.message != *message);
        let was_unverified = find(&status.conditions, SOURCE_VERIFIED).is_some_and(|found| found.status == False);
        let mut conditions = Conditions { list: &mut status.conditions, generation: generation(object) };
        // What could be looked at was fetched, and what could not be fetched was not looked at.
        if about != SOURCE_VERIFIED && was_unverified {
            conditions.remove(SOURCE_VERIFIED);
        }
        if [SOURCE_VERIFIED, STORAGE_OPERATION_FAILED].contains(&about) {
            conditions.remove(FETCH_FAILED);
        }
        if about != INCLUDE_UNAVAILABLE {
            conditions.remove(INCLUDE_UNAVAILABLE);
        }
        conditions.set(about, if *is_unverified { False } else { True }, reason, message);
        if *is_final {
            conditions.stall(reason, message);
            // As with source-controller, what may pass is no observation yet.
            status.observed_generation = object.meta().generation;
        } else {
            conditions.fail(reason, message);
        }
        let is_outdated = *is_final || status.observed_generation != object.meta().generation;
        self.teller.failed(problem, is_outdated);
        if let Some(listener) = self.shared.config.progress.as_ref().filter(|_| self.shared.is_ours(object)) {
            let _ = listener.send(Progress::failed(&self.name, message, *may_pass));
        }
        if find(&status.conditions, READY).is_some_and(|ready| ready.status == False) && is_news {
            self.record(object, Type::Warning, reason, message, BTreeMap::new());
            tracing::error!(reason, "the source cannot be fetched: {message}");
        }
        self.write(object, status).await;
        false
    }

    /// The source is one of which nothing is said: what its status says, as the default of its definition does, goes.
    pub(super) async fn clear<K: Source>(&mut self, object: &K) {
        self.write(object, Status::default()).await;
    }

    fn base(&self, object: &impl Source) -> Status {
        let mut status = self.status.clone();
        let annotations = object.meta().annotations.as_ref();
        status.last_handled_reconcile_at =
            annotations.and_then(|annotations| annotations.get(RECONCILE_REQUESTED_AT)).cloned();
        status
    }

    /// Tells whoever applies the content.
    pub(super) fn tell(&self, artifact: Arc<Artifact>) {
        self.teller.brought(artifact);
    }

    fn record<K: Source>(
        &self,
        object: &K,
        severity: Type,
        reason: &str,
        message: &str,
        mut annotations: BTreeMap<String, String>,
    ) {
        if self.shared.is_ours(object) {
            let given = object.meta().annotations.iter().flatten();
            annotations.extend(events::given(given.map(|(key, value)| (key.as_str(), value.as_str()))));
            let happened = Happened { about: events::reference(object, &()), severity, reason, message, annotations };
            self.shared.recorder.tell(COMPONENT, happened);
        }
    }

    /// Writes the status, unless it is there already. Where somebody else wrote it meanwhile, another agent that leads by now,
    /// it may be, what they wrote counts until the next look. Whether the status is there.
    async fn write<K: Source>(&mut self, object: &K, status: Status) -> bool {
        self.precondition.see(object.meta().resource_version.as_deref(), || object.status());
        // Of what is another shard's its own agents tell. What is seen of the status may be late, but not until the next look.
        if (status == self.status && status == object.status()) || !self.shared.is_ours(object) {
            return true;
        }
        let place = Place { resource: ApiResource::erase::<K>(&()), name: self.name.name.clone() };
        let fields: Vec<&str> = COMMON_FIELDS.iter().chain(K::STATUS_FIELDS).copied().collect();
        self.precondition.sends(&status);
        let is_ours =
            |live: &DynamicObject| read::<K>(live).is_some_and(|live| self.precondition.is_ours(&live.status()));
        let written = crate::status::write(
            &self.shared.client,
            &place,
            SOURCE_STATUS_MANAGER,
            (&fields, &status),
            &self.precondition,
            is_ours,
        );
        let (found, is_written) = match written.await {
            Ok(Written::Done(object)) => (object, true),
            Ok(Written::Overtaken(live)) => {
                tracing::warn!(source = %self.name, "somebody else wrote the status meanwhile; what they wrote counts");
                (live, false)
            }
            Err(error) => {
                tracing::debug!(source = %self.name, %error, "the status could not be written");
                return false;
            }
        };
        if let Some(found) = read::<K>(&found) {
            self.precondition = found_with(&found, &found.status());
            self.status = if is_written { status } else { found.status() };
        }
        is_written
    }
}

/// The object as one of its kind.
fn found_with(object: &impl Source, status: &Status) -> Precondition {
    let metadata = object.meta();
    Precondition::found(metadata.uid.as_deref(), metadata.resource_version.as_deref(), status)
}

fn read<K: Source>(object: &DynamicObject) -> Option<K> {
    serde_json::to_value(object).and_then(serde_json::from_value).ok()
}

/// What the event of a new artifact has for programs, under the names of Flux's source-controller where it has them.
fn annotations<K: Source>(artifact: &Artifact) -> BTreeMap<String, String> {
    let group = K::group(&());
    let named = |name: &str, value: &str| (format!("{group}/{name}"), value.to_owned());
    let mut annotations = BTreeMap::from([named("revision", &artifact.revision), named("digest", &artifact.digest)]);
    annotations.extend(artifact.authorship.iter().flat_map(Authorship::annotations));
    annotations
}

/// The reasons of what cannot be made of what was fetched.
const OF_BUILDS: &[&str] = &["MetadataPatchError", "ValuesFilesError", "DependencyBuildError", "ChartPackageError"];

/// The reasons of what is to be included and is not to be had.
const OF_INCLUDES: &[&str] = &["NotFound", "NoArtifact", "IncludeCycle", "TooManyIncludes"];

/// The reasons of what cannot be put where it is to be included.
const OF_COPIES: &[&str] = &["IllegalPath", "CopyFailure"];

/// What is said of failures, by conditions that are gone when all is well.
const FAILURES: &[&str] = &[FETCH_FAILED, BUILD_FAILED, INCLUDE_UNAVAILABLE, STORAGE_OPERATION_FAILED];

/// The fields that the status of any source can have.
const COMMON_FIELDS: &[&str] = &["observedGeneration", "conditions", "artifact", "lastHandledReconcileAt"];

fn generation(object: &impl Source) -> i64 {
    object.meta().generation.unwrap_or_default()
}
