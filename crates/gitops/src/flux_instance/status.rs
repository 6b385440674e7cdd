//! Between the status of a FluxInstance and that of any owner.

use std::collections::BTreeMap;

use cowherd_api::flux::controlplane::v1::{ComponentImage, FluxInstanceStatus};
use cowherd_api::flux::kustomize::v1::{ResourceInventory, ResourceRef, Snapshot};
use serde_json::Value;

use super::{effect, task};
use crate::conditions::RECONCILIATION_SUCCEEDED;
use crate::owner::{Inventory, Reconciliation, Status};

/// The fields that a status can have.
pub(super) const FIELDS: &[&str] = &[
    "lastHandledReconcileAt",
    "lastHandledForceAt",
    "observedGeneration",
    "conditions",
    "lastAttemptedRevision",
    "lastAppliedRevision",
    "lastArtifactRevision",
    "components",
    "inventory",
    "history",
];

/// The version of cowherd, as revisions begin with one.
pub(crate) const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What the status of a FluxInstance says.
pub(super) fn read(status: FluxInstanceStatus) -> Status {
    let inventory = status.inventory.map(|inventory| {
        let entries = inventory.entries.into_iter();
        Inventory(entries.map(|ResourceRef { id, v }| (id.into(), v.into())).collect())
    });
    Status {
        observed_generation: status.observed_generation,
        conditions: status.conditions,
        last_handled_reconcile_at: status.last_handled_reconcile_at,
        // What is applied is told by its own digest; it is made of nothing but what the FluxInstance says itself.
        last_applied_revision: status.last_applied_revision.map(|_| task::revision()),
        last_attempted_revision: status.last_attempted_revision.map(|_| task::revision()),
        inventory,
        history: status.history.into_iter().map(reconciliation).collect(),
        ..Status::default()
    }
}

/// A status as a FluxInstance has it.
pub(super) fn write(status: &Status) -> serde_json::Result<Value> {
    let inventory = status.inventory.as_ref().map(|Inventory(entries)| ResourceInventory {
        entries: entries.iter().map(|(id, v)| ResourceRef { id: id.to_string(), v: v.to_string() }).collect(),
    });
    let history = status.history.read();
    let last = history.iter().find(|entry| entry.reason == RECONCILIATION_SUCCEEDED);
    let revision = |of: &Reconciliation| format!("{VERSION}@{}", of.digest);
    serde_json::to_value(FluxInstanceStatus {
        last_handled_reconcile_at: status.last_handled_reconcile_at.clone(),
        last_handled_force_at: None,
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        last_attempted_revision: status.last_attempted_revision.as_ref().and(history.first()).map(revision),
        last_applied_revision: last.map(revision),
        last_artifact_revision: None,
        components: last.iter().flat_map(|_| components()).collect(),
        inventory,
        history: history.iter().map(snapshot).collect(),
    })
}

/// The parts of cowherd that do what Flux's controllers do.
fn components() -> impl Iterator<Item = ComponentImage> {
    effect::components().map(|name| ComponentImage {
        name: name.to_owned(),
        repository: "cowherd".to_owned(),
        tag: VERSION.to_owned(),
        digest: None,
    })
}

fn reconciliation(snapshot: Snapshot) -> Reconciliation {
    Reconciliation {
        digest: snapshot.digest,
        first: snapshot.first_reconciled,
        last: snapshot.last_reconciled,
        took: snapshot.last_reconciled_duration,
        reason: snapshot.last_reconciled_status,
        total: snapshot.total_reconciliations,
        ..Reconciliation::default()
    }
}

fn snapshot(of: &Reconciliation) -> Snapshot {
    let version = BTreeMap::from([("flux".to_owned(), VERSION.to_owned())]);
    Snapshot {
        digest: of.digest.clone(),
        first_reconciled: of.first.clone(),
        last_reconciled: of.last.clone(),
        last_reconciled_duration: of.took.clone(),
        last_reconciled_status: of.reason.clone(),
        total_reconciliations: of.total,
        metadata: Some(version),
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
            "conditions": [],
            "inventory": { "entries": [{ "id": "a_b__ConfigMap", "v": "v1" }] },
            "lastAttemptedRevision": "v0.0.0@sha256:2",
            "lastAppliedRevision": "v0.0.0@sha256:1",
            "history": [{ "digest": "sha256:2", "firstReconciled": "2026-01-01T00:00:02Z",
                "lastReconciled": "2026-01-01T00:00:03Z", "lastReconciledDuration": "1s",
                "lastReconciledStatus": "ReconciliationFailed", "totalReconciliations": 1 },
                { "digest": "sha256:1", "firstReconciled": "2026-01-01T00:00:00Z",
                "lastReconciled": "2026-01-01T00:00:01Z", "lastReconciledDuration": "1s",
                "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 2 }],
        });
        let read = read(serde_json::from_value(status).unwrap());
        let written = write(&read).unwrap();
        assert_eq!(written["lastAppliedRevision"], format!("{VERSION}@sha256:1"));
        assert_eq!(written["lastAttemptedRevision"], format!("{VERSION}@sha256:2"));
        assert_eq!(read.last_applied_revision, read.last_attempted_revision);
        assert_eq!(
            written["components"][0],
            json!({ "name": "source-controller", "repository": "cowherd", "tag": VERSION })
        );
        let again = super::read(serde_json::from_value(written.clone()).unwrap());
        assert_eq!(write(&again).unwrap(), written);
        assert!(written.as_object().unwrap().keys().all(|field| FIELDS.contains(&field.as_str())));
    }
}
