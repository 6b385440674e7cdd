//! Between the status of a ResourceSet and that of any owner.

use std::collections::BTreeMap;

use cowherd_api::flux::controlplane::v1::ResourceSetStatus;
use cowherd_api::flux::kustomize::v1::{ResourceInventory, ResourceRef, Snapshot};
use serde_json::Value;

use crate::conditions::RECONCILIATION_SUCCEEDED;
use crate::owner::{Inventory, Reconciliation, Status};

/// The fields that a status can have.
pub(super) const FIELDS: &[&str] = &[
    "lastHandledReconcileAt",
    "observedGeneration",
    "conditions",
    "inventory",
    "lastAppliedRevision",
    "lastAttemptedRevision",
    "history",
    "settledEntries",
];

/// Under which name an entry of the history has the identity of the inputs.
const REVISION: &str = "revision";

/// What the status of a ResourceSet says.
pub(super) fn read(status: ResourceSetStatus) -> Status {
    let inventory = status.inventory.map(|inventory| {
        let entries = inventory.entries.into_iter();
        Inventory(entries.map(|ResourceRef { id, v }| (id.into(), v.into())).collect())
    });
    Status {
        observed_generation: status.observed_generation,
        conditions: status.conditions,
        last_handled_reconcile_at: status.last_handled_reconcile_at,
        // What was applied is told by its own digest; of which inputs that was made the history says.
        last_applied_revision: status.last_applied_revision.and_then(|_| applied(&status.history)),
        last_attempted_revision: status.last_attempted_revision,
        inventory,
        history: status.history.into_iter().map(reconciliation).collect(),
        settled: status.settled_entries.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        ..Status::default()
    }
}

/// Of which inputs was made what was last applied with success.
fn applied(history: &[Snapshot]) -> Option<String> {
    let last = history.iter().find(|entry| entry.last_reconciled_status == RECONCILIATION_SUCCEEDED)?;
    last.metadata.as_ref()?.get(REVISION).cloned()
}

/// A status as a ResourceSet has it.
pub(super) fn write(status: &Status) -> serde_json::Result<Value> {
    let inventory = status.inventory.as_ref().map(|Inventory(entries)| ResourceInventory {
        entries: entries.iter().map(|(id, v)| ResourceRef { id: id.to_string(), v: v.to_string() }).collect(),
    });
    let history = status.history.read();
    let last = history.iter().find(|entry| entry.reason == RECONCILIATION_SUCCEEDED);
    serde_json::to_value(ResourceSetStatus {
        last_handled_reconcile_at: status.last_handled_reconcile_at.clone(),
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        inventory,
        last_applied_revision: last.map(|entry| entry.digest.clone()),
        last_attempted_revision: status.last_attempted_revision.clone(),
        external_checksum_refs: Vec::new(),
        history: history.iter().map(snapshot).collect(),
        settled_entries: status.settled.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
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
        ..Reconciliation::default()
    }
}

fn snapshot(of: &Reconciliation) -> Snapshot {
    let metadata: BTreeMap<_, _> = of.revision.iter().map(|revision| (REVISION.to_owned(), revision.clone())).collect();
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
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_written_as_it_was_read() {
        let status = json!({
            "lastHandledReconcileAt": "2026-01-01T00:00:00Z",
            "observedGeneration": 3,
            "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 3, "reason": "ReconciliationSucceeded",
                "message": "Reconciliation succeeded", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
            "inventory": { "entries": [{ "id": "a_b__ConfigMap", "v": "v1" }] },
            "lastAppliedRevision": "sha256:1",
            "lastAttemptedRevision": "sha256:2",
            "history": [{ "digest": "sha256:3", "firstReconciled": "2026-01-01T00:00:00Z",
                "lastReconciled": "2026-01-01T00:00:01Z", "lastReconciledDuration": "1s",
                "lastReconciledStatus": "BuildFailed", "totalReconciliations": 2, "metadata": { "revision": "sha256:2" } },
                { "digest": "sha256:1", "firstReconciled": "2026-01-01T00:00:00Z",
                "lastReconciled": "2026-01-01T00:00:01Z", "lastReconciledDuration": "1s",
                "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 2,
                "metadata": { "revision": "sha256:0" } }],
            "settledEntries": 1,
        });
        let read = read(serde_json::from_value(status.clone()).unwrap());
        assert_eq!(read.last_applied_revision.as_deref(), Some("sha256:0"));
        assert_eq!(write(&read).unwrap(), status);
        let mut fields: Vec<&str> = status.as_object().unwrap().keys().map(String::as_str).collect();
        let mut all = FIELDS.to_vec();
        all.sort();
        fields.sort();
        assert_eq!(fields, all, "no field is forgotten");
    }
}
