//! Keeps one generator, until it is deleted.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_api::flux::annotations::{DISABLED, GENERATOR_FINALIZER, GENERATOR_RECONCILE, RECONCILE_REQUESTED_AT};
use cowherd_api::flux::source_extensions::v1beta1::{ArtifactGenerator, ExternalArtifactReference};
use cowherd_assemble::Extents;
use cowherd_runtime::{Backoff, Outcome};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::Error;
use super::making::{self, Made};
use super::objects::{self, Objects};
use super::report::Report;
use super::sources::{self, Content, Sources};
use super::spec::Wanted;
use super::{GENERATOR, MADE};
use crate::NamespacedName;
use crate::fetches::Purpose;
use crate::metrics::{Measures, OfKind};
use crate::source::{Latest, News, Shared, SourceName};

/// How often all that was made is compared with what is there.
const INTERVAL: Duration = Duration::from_secs(3600);
/// When a failure is tried again.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(600), jitter: 0.1 };

/// What of an object makes a difference to its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relevant {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    is_disabled: bool,
    is_deleted: bool,
    is_ours: bool,
}

impl Relevant {
    fn of(shared: &Shared, object: &ArtifactGenerator) -> Self {
        Self {
            uid: object.uid(),
            generation: object.metadata.generation,
            requested_at: object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            is_disabled: is_disabled(object),
            is_deleted: object.metadata.deletion_timestamp.is_some(),
            is_ours: shared.config.shard.has(object.metadata.labels.as_ref()),
        }
    }
}

/// Keeps one generator, until it is deleted.
pub(super) async fn keep(shared: Shared, name: NamespacedName, mut objects: watch::Receiver<Arc<ArtifactGenerator>>) {
    let first = objects.borrow().clone();
    let mut keeping = Keeping {
        report: Report::new(shared.clone(), name.clone(), &first),
        objects: Objects::of(shared.client.clone(), &first),
        extents: Arc::default(),
        checked: None,
        shared: shared.clone(),
        name: name.clone(),
    };
    let of_kind = measures(&shared);
    let _forgotten = of_kind.forgotten(&name);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let relevant = Relevant::of(&shared, &object);
        let mut followed = None;
        let pause = match &relevant {
            Relevant { is_deleted: true, is_ours: true, .. } if has_finalizer(&object) => {
                if keeping.finalize(&object).await { None } else { Some(RETRY.delay(failures)) }
            }
            Relevant { is_deleted: true, .. } | Relevant { is_disabled: true, .. } => None,
            relevant => {
                if !relevant.is_ours {
                    let source = SourceName { kind: GENERATOR, name: name.clone() };
                    tokio::select! {
                        () = shared.wanted.until(&source) => {}
                        seen = changed(&shared, &mut objects, relevant) => {
                            if seen.is_none() { return } else { continue }
                        }
                    }
                }
                let (began, mut measured) = (Instant::now(), of_kind.reconciler.add());
                measured.begin();
                tokio::select! {
                    outcome = keeping.reconcile(&object, relevant, &mut followed) => {
                        of_kind.took(&name, began.elapsed());
                        measured.end(outcome);
                        match outcome {
                            Outcome::RequeueAfter => { failures = 0; Some(INTERVAL) }
                            _ => { failures += 1; Some(RETRY.delay(failures - 1)) }
                        }
                    },
                    // Nobody wants it as it was any more.
                    seen = changed(&shared, &mut objects, relevant) => {
                        if seen.is_none() { return } else { continue }
                    }
                }
            }
        };
        tokio::select! {
            seen = changed(&shared, &mut objects, &relevant) => if seen.is_none() { return },
            () = change(&mut followed) => {}
            () = sleep(pause) => if pause == Some(INTERVAL) { keeping.checked = None },
        }
    }
}

/// Says of a generator that a panic has ended its task, which is begun anew later.
pub(super) async fn broke_off(shared: Shared, name: NamespacedName, object: Arc<ArtifactGenerator>) {
    measures(&shared).reconciler.add().end(Outcome::Panic);
    Report::new(shared, name, &object).failed(&object, &Error::BrokeOff, Vec::new()).await;
}

fn measures(shared: &Shared) -> OfKind {
    Measures::new(&shared.config.metrics, shared.fetches.total()).of(GENERATOR.0)
}

/// A generator that is being kept.
struct Keeping {
    shared: Shared,
    name: NamespacedName,
    report: Report,
    objects: Objects,
    /// What was counted of directories, so that a change costs what is new.
    extents: Arc<Mutex<Extents>>,
    /// For which state of the object all was compared with what is there.
    checked: Option<Relevant>,
}

impl Keeping {
    /// Makes what the generator asks for of what its sources have, and says what came of that.
    async fn reconcile(
        &mut self,
        object: &ArtifactGenerator,
        relevant: &Relevant,
        followed: &mut Option<Sources>,
    ) -> Outcome {
        if relevant.is_ours && !has_finalizer(object) && !self.add_finalizer(object).await {
            return Outcome::Error;
        }
        let is_thorough = self.checked.as_ref() != Some(relevant);
        if is_thorough {
            self.objects.doubt();
            self.checked = Some(relevant.clone());
        }
        let mut inventory = Vec::new();
        match self.make(object, (relevant, is_thorough), followed, &mut inventory).await {
            Ok(sources) => match self.report.succeeded(object, inventory, sources).await {
                true => Outcome::RequeueAfter,
                false => Outcome::Error,
            },
            Err(error) => {
                // What is there may not be what it should be.
                self.checked = None;
                self.report.failed(object, &error, inventory).await;
                if matches!(error, Error::Broken(_)) { Outcome::Panic } else { Outcome::Error }
            }
        }
    }

    /// Makes all of it; the identity of what the sources had. What is there then is in the `inventory`.
    async fn make(
        &mut self,
        object: &ArtifactGenerator,
        (relevant, is_thorough): (&Relevant, bool),
        followed: &mut Option<Sources>,
        inventory: &mut Vec<ExternalArtifactReference>,
    ) -> Result<String, Error> {
        let wanted = Wanted::read(object, self.shared.config.policy.no_cross_namespace_refs)?;
        self.shared.generators.note(&self.name, wanted.uses(), wanted.makes())?;
        let sources = followed.insert(Sources::follow(&self.shared, &wanted));
        let contents = sources.contents().await?;
        let making::Outcome { made, mut failed } = self.in_a_thread(&wanted, contents.clone()).await?;
        if wanted.path_pattern.is_some() {
            let makes = made.iter().map(|made| wanted.artifact(&made.name)).collect();
            self.shared.generators.note(&self.name, wanted.uses(), makes)?;
        }
        for made in &made {
            match self.bring(&wanted, made, relevant.is_ours).await {
                Ok(()) => inventory.push(objects::reference(&self.name.namespace, made)),
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        if relevant.is_ours {
            self.collect(&made, is_thorough).await?;
        }
        Ok(sources::digest(&contents))
    }

    async fn in_a_thread(&self, wanted: &Wanted, contents: Vec<Content>) -> Result<making::Outcome, Error> {
        let (wanted, extents) = (wanted.clone(), self.extents.clone());
        let purpose = Purpose { namespace: self.name.namespace.clone(), host: String::new(), is_own: false };
        let work = move |cancel: cowherd_source::Cancel| {
            let mut extents = extents.lock().unwrap_or_else(PoisonError::into_inner);
            making::make(&wanted, &contents, &mut extents, &|| cancel.is_cancelled())
        };
        self.shared.fetches.run(&purpose, work).await?
    }

    /// Brings an artifact to whoever uses it, and says so in the API. Of what is another shard's, its own agents say it.
    async fn bring(&mut self, wanted: &Wanted, made: &Made, is_ours: bool) -> Result<(), Error> {
        let failed = |error: objects::ObjectError| Error::Object { name: made.name.clone(), cause: error.to_string() };
        if is_ours {
            self.objects.claim(wanted, made).await.map_err(failed)?;
        }
        let source = SourceName { kind: MADE, name: wanted.artifact(&made.name) };
        let latest = Latest { artifact: Some(made.artifact.clone()), ..Latest::default() };
        let is_known = self
            .shared
            .shelf
            .follow(&source)
            .borrow()
            .artifact
            .as_ref()
            .is_some_and(|known| known.revision == made.artifact.revision && known.digest == made.artifact.digest);
        if !is_known {
            self.shared.shelf.put(&News { source, latest: Some(latest) });
        }
        if is_ours {
            self.objects.publish(made).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Deletes the ExternalArtifacts that are not made any more.
    async fn collect(&mut self, made: &[Made], is_thorough: bool) -> Result<(), Error> {
        let names: BTreeSet<&str> = made.iter().map(|made| made.name.as_str()).collect();
        // All that was made is in the inventory, but for what was made when the agents were killed.
        if !is_thorough && self.report.inventory().iter().all(|known| names.contains(known.name.as_str())) {
            return Ok(());
        }
        self.delete_but(&names).await.map_err(|error| Error::Api(error.to_string()))
    }

    async fn delete_but(&mut self, names: &BTreeSet<&str>) -> Result<(), objects::ObjectError> {
        for object in self.objects.known(self.report.inventory()).await? {
            let name = object.name_any();
            if !names.contains(name.as_str()) {
                self.objects.delete(&object).await?;
                let source = SourceName { kind: MADE, name: NamespacedName::new(&self.name.namespace, name) };
                self.shared.shelf.put(&News { source, latest: None });
            }
        }
        Ok(())
    }

    /// Deletes what a deleted generator has made, and lets it go. Whether it could.
    async fn finalize(&mut self, object: &ArtifactGenerator) -> bool {
        if let Err(error) = self.delete_but(&BTreeSet::new()).await {
            tracing::warn!(generator = %self.name, %error, "what it has made could not be deleted; it is tried again");
            return false;
        }
        self.set_finalizers(object, |finalizers| finalizers.retain(|one| one != GENERATOR_FINALIZER)).await
    }

    async fn add_finalizer(&self, object: &ArtifactGenerator) -> bool {
        self.set_finalizers(object, |finalizers| finalizers.push(GENERATOR_FINALIZER.to_owned())).await
    }

    async fn set_finalizers(&self, object: &ArtifactGenerator, change: impl Fn(&mut Vec<String>)) -> bool {
        let mut finalizers = object.finalizers().to_vec();
        change(&mut finalizers);
        let api: Api<ArtifactGenerator> = Api::namespaced(self.shared.client.clone(), &self.name.namespace);
        let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let done = api.patch(&self.name.name, &PatchParams::default(), &patch).await;
        done.inspect_err(|error| tracing::debug!(generator = %self.name, %error, "the finalizer could not be set"))
            .is_ok()
    }
}

fn is_disabled(object: &ArtifactGenerator) -> bool {
    object.annotations().get(GENERATOR_RECONCILE).is_some_and(|value| value.eq_ignore_ascii_case(DISABLED))
}

fn has_finalizer(object: &ArtifactGenerator) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == GENERATOR_FINALIZER)
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed(
    shared: &Shared,
    objects: &mut watch::Receiver<Arc<ArtifactGenerator>>,
    before: &Relevant,
) -> Option<()> {
    objects.wait_for(|object| Relevant::of(shared, object) != *before).await.ok().map(drop)
}

/// Completes when a source has something else; never where none is followed.
async fn change(followed: &mut Option<Sources>) {
    match followed {
        Some(sources) => sources.change().await,
        None => std::future::pending().await,
    }
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::source::played::{client, said, shared};

    #[tokio::test]
    async fn a_panic_is_said_by_the_generator_and_counted() {
        let (client, mut told) = client();
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(client, directory.path(), Config::default());
        let object = json!({ "metadata": { "name": "a", "namespace": "n", "uid": "1" },
            "spec": { "sources": [], "artifacts": [] } });
        let object = Arc::new(serde_json::from_value(object).unwrap());
        broke_off(shared.clone(), NamespacedName::new("n", "a"), object).await;
        let body = said(&mut told).await;
        assert!(body.contains("the reconciliation broke off; this is a bug in cowherd"), "{body}");
        let counted = "controller_runtime_reconcile_panics_total{controller=\"artifactgenerator\"} 1\n";
        assert!(shared.config.metrics.text().contains(counted), "{}", shared.config.metrics.text());
    }
}
