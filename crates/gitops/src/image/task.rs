//! Keeps one object, until it is deleted.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{FINALIZER, RECONCILE_REQUESTED_AT};
use cowherd_runtime::{Backoff, Outcome as Measured, caught};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Means;
use super::kind::{Failed, Kind, Outcome};
use super::report::Report;
use crate::NamespacedName;
use crate::conditions::RECONCILIATION_FAILED;
use crate::metrics::{Measures, OfKind};

/// When a failure is tried again.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(600), jitter: 0.1 };

/// The shortest time from one reconciliation to the next, whatever a spec says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// What of an object makes a difference to its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relevant {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    is_deleted: bool,
    is_ours: bool,
}

impl Relevant {
    fn of<K: Kind>(means: &Means, object: &K) -> Self {
        Self {
            uid: object.uid(),
            generation: object.meta().generation,
            requested_at: object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            is_deleted: object.meta().deletion_timestamp.is_some(),
            is_ours: means.shared.config.shard.has(object.meta().labels.as_ref()),
        }
    }
}

/// Keeps one object, until it is deleted.
pub(super) async fn keep<K: Kind>(means: Means, name: NamespacedName, mut objects: watch::Receiver<Arc<K>>) {
    let first = objects.borrow().clone();
    let mut report = Report::new(means.clone(), name.clone(), first.as_ref());
    let of_kind = measures::<K>(&means);
    let _forgotten = of_kind.forgotten(&name);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let relevant = Relevant::of(&means, object.as_ref());
        let rests = !relevant.is_ours || object.is_suspended();
        let is_held = relevant.is_ours && relevant.is_deleted && !release(&means, &name, object.as_ref()).await;
        // It begins before the reconciliation, so that nothing falls between the two.
        let awakening = object.awakening(&means);
        let pause = if relevant.is_deleted || rests {
            failures = if is_held { failures + 1 } else { 0 };
            is_held.then(|| RETRY.delay(failures))
        } else {
            let (began, mut measured) = (Instant::now(), of_kind.reconciler.add());
            measured.begin();
            let outcome = tokio::select! {
                outcome = caught(object.reconcile(&means, report.status())) => outcome,
                // Nobody wants it as it was any more: what goes on is broken off.
                seen = changed(&means, &mut objects, &relevant) => if seen.is_none() { return } else { continue },
            };
            let has_panicked = outcome.is_err();
            let outcome = outcome.unwrap_or_else(|panic| {
                tracing::error!(kind = K::NAME, object = %name, panic, "a reconciliation panicked");
                Outcome::Failed(broken::<K>(report.status()))
            });
            of_kind.took(&name, began.elapsed());
            let (is_well, pause) = match &outcome {
                Outcome::Done(done) => (true, done.pause),
                Outcome::Failed(failed) => (false, (!failed.is_final).then(|| RETRY.delay(failures))),
                Outcome::NotYet => (true, None),
            };
            failures = if is_well { 0 } else { failures + 1 };
            report.tell(object.as_ref(), outcome).await;
            measured.end(match is_well {
                true => Measured::RequeueAfter,
                false if has_panicked => Measured::Panic,
                false => Measured::Error,
            });
            pause
        };
        let due = Instant::now() + pause.unwrap_or_default().max(SHORTEST_PAUSE);
        tokio::select! {
            seen = changed(&means, &mut objects, &relevant) => if seen.is_none() { return },
            () = awakening, if !rests && !relevant.is_deleted => {}
            () = tokio::time::sleep_until(due), if pause.is_some() => {}
        }
    }
}

/// Says that what is done for an object came to no end.
pub(super) async fn broke_off<K: Kind>(means: Means, name: NamespacedName, object: Arc<K>) {
    measures::<K>(&means).reconciler.add().end(Measured::Panic);
    let mut report = Report::new(means, name, object.as_ref());
    let failed = broken::<K>(report.status());
    report.tell(object.as_ref(), Outcome::Failed(failed)).await;
}

fn broken<K: Kind>(status: K::Status) -> Failed<K::Status> {
    Failed::new(status, RECONCILIATION_FAILED, "the reconciliation broke off; this is a bug in cowherd")
}

fn measures<K: Kind>(means: &Means) -> OfKind {
    Measures::new(&means.shared.config.metrics, means.shared.fetches.total()).of(K::NAME)
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed<K: Kind>(means: &Means, objects: &mut watch::Receiver<Arc<K>>, before: &Relevant) -> Option<()> {
    objects.wait_for(|object| Relevant::of(means, object.as_ref()) != *before).await.ok().map(drop)
}

/// Takes away the finalizer that Flux may have left; whether there is none any more.
async fn release<K: Kind>(means: &Means, name: &NamespacedName, object: &K) -> bool {
    let finalizers: Vec<_> = object.finalizers().iter().filter(|one| *one != FINALIZER).collect();
    if finalizers.len() == object.finalizers().len() {
        return true;
    }
    let api: Api<K> = Api::namespaced(means.shared.client.clone(), &name.namespace);
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    match api.patch(&name.name, &PatchParams::default(), &patch).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.is_not_found() => true,
        Err(error) => {
            tracing::debug!(kind = K::NAME, object = %name, %error, "the finalizer could not be taken away");
            false
        }
    }
}
