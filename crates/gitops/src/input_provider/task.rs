//! Keeps one provider, until it is deleted.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{DISABLED, OPERATOR_FINALIZER, RECONCILE_REQUESTED_AT, SET_EVERY, SET_RECONCILE};
use cowherd_api::flux::controlplane::v1::ResourceSetInputProvider;
use cowherd_runtime::Backoff;
use cowherd_source::Caller;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::watch;

use super::export::{ExportError, export};
use super::report::Report;
use crate::NamespacedName;
use crate::source::Shared;

/// How often it is looked, where nothing is said of that.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// The shortest interval, whatever an annotation says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// When a failure is tried again.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(600), jitter: 0.1 };

/// What of an object makes a difference to its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relevant {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    interval: Duration,
    is_disabled: bool,
    is_deleted: bool,
    is_ours: bool,
}

impl Relevant {
    fn of(shared: &Shared, object: &ResourceSetInputProvider) -> Self {
        let annotations = object.annotations();
        let is_disabled = |value: &String| value.eq_ignore_ascii_case(DISABLED);
        let every = annotations.get(SET_EVERY).and_then(|text| cowherd_api::Duration::new(text).parse().ok());
        Self {
            uid: object.uid(),
            generation: object.metadata.generation,
            requested_at: annotations.get(RECONCILE_REQUESTED_AT).cloned(),
            interval: every.unwrap_or(INTERVAL).max(SHORTEST_INTERVAL),
            is_disabled: annotations.get(SET_RECONCILE).is_some_and(is_disabled),
            is_deleted: object.metadata.deletion_timestamp.is_some(),
            is_ours: shared.config.shard.has(object.metadata.labels.as_ref()),
        }
    }
}

/// Keeps one provider, until it is deleted.
pub(super) async fn keep(
    (shared, caller): (Shared, Caller),
    name: NamespacedName,
    mut objects: watch::Receiver<Arc<ResourceSetInputProvider>>,
) {
    let first = objects.borrow().clone();
    let mut report = Report::new(shared.clone(), name.clone(), &first);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let relevant = Relevant::of(&shared, &object);
        let pause = match &relevant {
            Relevant { is_ours: false, .. } => None,
            Relevant { is_deleted: true, .. } => release(&shared, &object).await.then_some(RETRY.delay(failures)),
            Relevant { is_disabled: true, .. } => None,
            Relevant { interval, .. } => {
                let exported = tokio::select! {
                    exported = export(&shared, &caller, &object) => exported,
                    // Nobody wants it as it was any more.
                    seen = changed(&shared, &mut objects, &relevant) => {
                        if seen.is_none() { return } else { continue }
                    }
                };
                let (is_well, after) = match exported {
                    Ok(inputs) => (report.succeeded(&object, inputs).await, None),
                    Err(error) => {
                        report.failed(&object, &error).await;
                        (error.is_final, error.after)
                    }
                };
                failures = if is_well { 0 } else { failures + 1 };
                let pause = if is_well { *interval } else { RETRY.delay(failures - 1) };
                Some(pause.max(after.unwrap_or_default()))
            }
        };
        let due = tokio::time::Instant::now() + pause.unwrap_or_default();
        loop {
            tokio::select! {
                changed = objects.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(due), if pause.is_some() => break,
            }
            let now = objects.borrow().clone();
            if Relevant::of(&shared, &now) != relevant {
                break;
            }
        }
    }
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed(
    shared: &Shared,
    objects: &mut watch::Receiver<Arc<ResourceSetInputProvider>>,
    before: &Relevant,
) -> Option<()> {
    objects.wait_for(|object| Relevant::of(shared, object) != *before).await.ok().map(drop)
}

/// Takes away the finalizer that the Flux Operator may have left; whether that failed.
async fn release(shared: &Shared, object: &ResourceSetInputProvider) -> bool {
    let finalizers: Vec<_> = object.finalizers().iter().filter(|one| *one != OPERATOR_FINALIZER).collect();
    if finalizers.len() == object.finalizers().len() {
        return false;
    }
    let api: Api<ResourceSetInputProvider> =
        Api::namespaced(shared.client.clone(), object.metadata.namespace.as_deref().unwrap_or_default());
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    let done = api.patch(&object.name_any(), &PatchParams::default(), &patch).await;
    done.inspect_err(|error| tracing::debug!(%error, "the finalizer of a provider could not be taken away")).is_err()
}

/// Says that what is done for a provider came to no end.
pub(super) async fn broke_off(shared: Shared, name: NamespacedName, object: Arc<ResourceSetInputProvider>) {
    let error = ExportError::failed(&"the reconciliation broke off; this is a bug in cowherd");
    Report::new(shared, name, &object).failed(&object, &error).await;
}
