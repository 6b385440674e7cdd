//! Between the status of a Kustomization and that of any owner.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::SINCE;
use cowherd_api::flux::kustomize::v1::{KustomizationStatus, ResourceInventory, ResourceRef, Snapshot};
use serde_json::Value;

use crate::Authorship;
use crate::owner::{Inventory, Reconciliation, Status};

/// The fields that a status can have.
pub(super) const FIELDS: &[&str] = &[
    "lastHandledReconcileAt",
    "observedGeneration",
    "conditions",
    "lastAppliedRevision",
    "lastAppliedOriginRevision",
    "lastAttemptedRevision",
    "inventory",
    "history",
    "settledEntries",
    "targetCluster",
];

/// Under which name an entry of the history has its revision.
const REVISION: &str = "revision";
/// Under which name it has the revision that this was made from.
const ORIGIN_REVISION: &str = "originRevision";

/// What the status of a Kustomization says.
pub(super) fn read(status: KustomizationStatus) -> Status {
    let inventory = status.inventory.map(|inventory| {
        let entries = inventory.entries.into_iter();
        Inventory(entries.map(|ResourceRef { id, v }| (id.into(), v.into())).collect())
    });
    Status {
        observed_generation: status.observed_generation,
        conditions: status.conditions,
        last_handled_reconcile_at: status.last_handled_reconcile_at,
        last_applied_revision: status.last_applied_revision,
        last_applied_origin_revision: status.last_applied_origin_revision,
        last_attempted_revision: status.last_attempted_revision,
        inventory,
        history: status.history.into_iter().map(reconciliation).collect(),
        settled: status.settled_entries.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        cluster: status.target_cluster,
        ..Status::default()
    }
}

/// A status as a Kustomization has it.
pub(super) fn write(status: &Status) -> serde_json::Result<Value> {
    let inventory = status.inventory.as_ref().map(|Inventory(entries)| ResourceInventory {
        entries: entries.iter().map(|(id, v)| ResourceRef { id: id.to_string(), v: v.to_string() }).collect(),
    });
    serde_json::to_value(KustomizationStatus {
        last_handled_reconcile_at: status.last_handled_reconcile_at.clone(),
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        last_applied_revision: status.last_applied_revision.clone(),
        last_applied_origin_revision: status.last_applied_origin_revision.clone(),
        last_attempted_revision: status.last_attempted_revision.clone(),
        inventory,
        history: status.history.read().iter().map(snapshot).collect(),
        settled_entries: status.settled.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        target_cluster: status.cluster.clone(),
    })
}

fn reconciliation(snapshot: Snapshot) -> Reconciliation {
    let mut metadata = snapshot.metadata.unwrap_or_default();
    Reconciliation {
        digest: snapshot.digest,
        first: snapshot.first_reconciled,
        last: snapshot.last_reconciled,
        took: snapshot.last_reconciled_duration,
        reason: snapshot.last_reconciled_status,
        total: snapshot.total_reconciliations,
        revision: metadata.remove(REVISION),
        origin: metadata.remove(ORIGIN_REVISION),
        since: metadata.remove(SINCE),
        authorship: Authorship::take(&mut metadata),
    }
}

fn snapshot(of: &Reconciliation) -> Snapshot {
    let revision = of.revision.iter().map(|revision| (REVISION.to_owned(), revision.clone()));
    let origin = of.origin.iter().map(|origin| (ORIGIN_REVISION.to_owned(), origin.clone()));
    let since = of.since.iter().map(|since| (SINCE.to_owned(), since.clone()));
    let revision = revision.chain(origin).chain(since);
    let metadata: BTreeMap<_, _> = revision.chain(of.authorship.iter().flat_map(Authorship::annotations)).collect();
    Snapshot {
        digest: of.digest.clone(),
        first_reconciled: of.first.clone(),
        last_reconciled: of.last.clone(),
        last_reconciled_duration: of.took.clone(),
        last_reconciled_status: of.reason.clone(),
        total_reconciliations: of.total,
        metadata: Some(metadata).filter(|metadata| !metadata.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_is_written_as_it_was_read() {
        let status = json!({
            "lastHandledReconcileAt": "2026-01-01T00:00:00Z",
            "observedGeneration": 3,
            "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 3, "reason": "ReconciliationSucceeded",
                "message": "Applied revision: main@sha1:1", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
            "lastAppliedRevision": "main@sha1:1",
            "lastAppliedOriginRevision": "main@sha1:2",
            "lastAttemptedRevision": "main@sha1:3",
            "inventory": { "entries": [{ "id": "a_b__ConfigMap", "v": "v1" }, { "id": "damaged", "v": "v1" }] },
            "history": [{ "digest": "sha256:1", "firstReconciled": "2026-01-01T00:00:00Z",
                "lastReconciled": "2026-01-01T00:00:01Z", "lastReconciledDuration": "1s",
                "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 2,
                "metadata": { "revision": "latest@sha256:1", "originRevision": "main@sha1:1",
                    "cowherd.dev/since-revision": "main@sha1:0", "cowherd.dev/author": "Ada", "cowherd.dev/subject": "Scale up" } }],
            "settledEntries": 1,
            "targetCluster": "sha256:1",
        });
        let read = read(serde_json::from_value(status.clone()).unwrap());
        assert_eq!(write(&read).unwrap(), status);
        let mut fields: Vec<&str> = status.as_object().unwrap().keys().map(String::as_str).collect();
        let mut all = FIELDS.to_vec();
        all.sort();
        fields.sort();
        assert_eq!(fields, all, "no field is forgotten");
    }
}
