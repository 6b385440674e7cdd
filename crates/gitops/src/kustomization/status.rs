//! The status of a Kustomization, step by step as Flux writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::ConditionStatus::{True, Unknown};
use cowherd_api::flux::annotations::{KUSTOMIZE_STATUS_MANAGER, RECONCILE_REQUESTED_AT};
use cowherd_api::flux::kustomize::v1::{Kustomization, KustomizationStatus, Snapshot};
use jiff::Timestamp;
use kube::{Client, ResourceExt};

use crate::conditions::{
    Conditions, HEALTHY, PROGRESSING, READY, RECONCILIATION_SUCCEEDED, RECONCILING, SHARED, STALLED, find, time,
};
use crate::{Counters, NamespacedName};

/// The fields that a status can have.
const FIELDS: &[&str] = &[
    "lastHandledReconcileAt",
    "observedGeneration",
    "conditions",
    "lastAppliedRevision",
    "lastAppliedOriginRevision",
    "lastAttemptedRevision",
    "inventory",
    "history",
];

/// How many past reconciliations a status tells of.
const HISTORY: usize = 5;

/// The conditions of a status, for a generation of the object.
pub(crate) fn conditions<'a>(status: &'a mut KustomizationStatus, object: &Kustomization) -> Conditions<'a> {
    Conditions { list: &mut status.conditions, generation: object.metadata.generation.unwrap_or_default() }
}

/// The reconciliation goes on; what it does right now.
pub(crate) fn progressing(status: &mut KustomizationStatus, object: &Kustomization, message: &str) {
    let mut conditions = conditions(status, object);
    conditions.set(READY, Unknown, PROGRESSING, "Reconciliation in progress");
    conditions.set(RECONCILING, True, PROGRESSING, message);
    conditions.remove(STALLED);
}

/// The revision was applied, and everything that is checked is healthy.
pub(crate) fn succeeded(status: &mut KustomizationStatus, object: &Kustomization, revision: &str) {
    let mut conditions = conditions(status, object);
    conditions.set(READY, True, RECONCILIATION_SUCCEEDED, &format!("Applied revision: {revision}"));
    conditions.remove(RECONCILING);
    conditions.remove(STALLED);
    status.observed_generation = object.metadata.generation;
    status.last_applied_revision = Some(revision.to_owned());
    status.last_attempted_revision = Some(revision.to_owned());
}

/// Others describe some of the objects too, as `told`, or nobody does; what to say of it if that is news.
pub(crate) fn shares(status: &mut KustomizationStatus, object: &Kustomization, told: Option<&str>) -> Option<String> {
    let message = |status: &KustomizationStatus| find(&status.conditions, SHARED).map(|found| found.message.clone());
    let before = message(status);
    let mut conditions = conditions(status, object);
    match told {
        Some(text) => conditions.set(SHARED, True, SHARED, text),
        None => conditions.remove(SHARED),
    }
    message(status).filter(|now| before.as_ref() != Some(now))
}

/// Nothing has to be healthy.
pub(crate) fn without_health(status: &mut KustomizationStatus, object: &Kustomization) {
    conditions(status, object).remove(HEALTHY);
}

/// The request for a reconciliation that the object carries was served.
pub(crate) fn handled(status: &mut KustomizationStatus, object: &Kustomization) {
    if let Some(request) = object.annotations().get(RECONCILE_REQUESTED_AT) {
        status.last_handled_reconcile_at = Some(request.clone());
    }
}

/// Adds a reconciliation to the history: the same manifests with the same end are one entry.
pub(crate) fn remember(status: &mut KustomizationStatus, digest: &str, revision: &str, reason: &str, took: Duration) {
    let now = time(Timestamp::now());
    let metadata = Some(BTreeMap::from([("revision".to_owned(), revision.to_owned())]));
    let history = &mut status.history;
    let same = history.iter().position(|entry| entry.digest == digest && entry.last_reconciled_status == reason);
    let mut entry = match same {
        Some(index) => history.remove(index),
        None => Snapshot { digest: digest.to_owned(), first_reconciled: now.clone(), ..Snapshot::default() },
    };
    entry.last_reconciled = now;
    entry.last_reconciled_duration = go_duration(took);
    entry.last_reconciled_status = reason.to_owned();
    entry.total_reconciliations += 1;
    entry.metadata = metadata;
    history.insert(0, entry);
    history.truncate(HISTORY);
}

/// A duration as Go prints it, to the millisecond: `1m2.5s`, `340ms`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    cowherd_duration::print(millis.saturating_mul(1_000_000))
}

/// Writes the status.
pub(crate) async fn write(
    client: &Client,
    counters: &Counters,
    name: &NamespacedName,
    status: &KustomizationStatus,
) -> kube::Result<()> {
    crate::status::write::<Kustomization>(client, name, KUSTOMIZE_STATUS_MANAGER, FIELDS, status).await?;
    counters.wrote_status();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_counts_what_happens_again() {
        let mut status = KustomizationStatus::default();
        for digest in ["a", "a", "b", "a", "c", "d", "e", "f"] {
            remember(&mut status, digest, "r", "ReconciliationSucceeded", Duration::ZERO);
        }
        let seen: Vec<_> = status.history.iter().map(|entry| entry.digest.as_str()).collect();
        assert_eq!(seen, ["f", "e", "d", "c", "a"]);
        assert_eq!(status.history[4].total_reconciliations, 3);
    }
}
