//! Between the status of a HelmRelease and that of any owner.

use cowherd_api::flux::helm::v2::HelmReleaseStatus;
use cowherd_api::flux::kustomize::v1::{ResourceInventory, ResourceRef};
use cowherd_apply::is_path_segment;
use serde_json::{Map, Value};

use crate::owner::{Inventory, Status};

/// The fields that a status can have.
pub(super) const FIELDS: &[&str] = &[
    "observedGeneration",
    "observedPostRenderersDigest",
    "observedCommonMetadataDigest",
    "lastAttemptedGeneration",
    "conditions",
    "helmChart",
    "storageNamespace",
    "history",
    "inventory",
    "lastAttemptedReleaseAction",
    "lastAttemptedReleaseActionDuration",
    "failures",
    "installFailures",
    "upgradeFailures",
    "lastAttemptedRevision",
    "lastAttemptedRevisionDigest",
    "lastAttemptedValuesChecksum",
    "lastReleaseRevision",
    "lastAttemptedConfigDigest",
    "lastHandledReconcileAt",
    "lastHandledForceAt",
    "lastHandledResetAt",
    "targetCluster",
];

/// What the status of a HelmRelease says.
pub(super) fn read(mut status: HelmReleaseStatus) -> Status {
    let inventory = status.inventory.take().map(|inventory| {
        let entries = inventory.entries.into_iter();
        Inventory(entries.map(|ResourceRef { id, v }| (id.into(), v.into())).collect())
    });
    Status {
        observed_generation: status.observed_generation.take(),
        conditions: std::mem::take(&mut status.conditions),
        last_handled_reconcile_at: status.last_handled_reconcile_at.take(),
        last_attempted_revision: status.last_attempted_revision.clone(),
        inventory,
        cluster: status.target_cluster.take(),
        own: fields(&status),
        ..Status::default()
    }
}

/// A status as a HelmRelease has it.
pub(super) fn write(status: &Status) -> serde_json::Result<Value> {
    let inventory = status.inventory.as_ref().map(|Inventory(entries)| ResourceInventory {
        entries: entries.iter().map(|(id, v)| ResourceRef { id: id.to_string(), v: v.to_string() }).collect(),
    });
    serde_json::to_value(HelmReleaseStatus {
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        last_handled_reconcile_at: status.last_handled_reconcile_at.clone(),
        inventory,
        target_cluster: status.cluster.clone(),
        ..own(status)
    })
}

/// What of a status only HelmReleases have. Whoever may write it may write anything there: what could not be called so was never
/// released.
pub(super) fn own(status: &Status) -> HelmReleaseStatus {
    let own: HelmReleaseStatus = serde_json::from_value(Value::Object(status.own.clone())).unwrap_or_default();
    let mut named: Vec<&String> = own.storage_namespace.iter().collect();
    named.extend(own.history.iter().flat_map(|release| [&release.name, &release.namespace]));
    match named.into_iter().all(|name| is_path_segment(name)) {
        true => own,
        false => HelmReleaseStatus { storage_namespace: None, history: Vec::new(), ..own },
    }
}

/// The fields of a status, as they are kept beside those that all owners have.
pub(super) fn fields(status: &HelmReleaseStatus) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_written_as_it_was_read() {
        let time = "2026-01-01T00:00:00Z";
        let snapshot = json!({ "apiVersion": "v2", "digest": "sha256:1", "action": "install", "name": "web",
            "namespace": "apps", "version": 1, "status": "deployed", "chartName": "web", "chartVersion": "1.0.0",
            "configDigest": "sha256:2", "firstDeployed": time, "lastDeployed": time });
        let status = json!({
            "observedGeneration": 3, "observedPostRenderersDigest": "sha256:3", "observedCommonMetadataDigest": "sha256:4",
            "lastAttemptedGeneration": 3, "helmChart": "apps/apps-web", "storageNamespace": "apps", "history": [snapshot],
            "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 3, "reason": "InstallSucceeded",
                "message": "", "lastTransitionTime": time }],
            "inventory": { "entries": [{ "id": "apps_web__ConfigMap", "v": "v1" }] },
            "lastAttemptedReleaseAction": "install", "lastAttemptedReleaseActionDuration": "1s", "failures": 1,
            "installFailures": 1, "upgradeFailures": 2, "lastAttemptedRevision": "1.0.0",
            "lastAttemptedRevisionDigest": "sha256:5", "lastAttemptedValuesChecksum": "0", "lastReleaseRevision": 1,
            "lastAttemptedConfigDigest": "sha256:6", "lastHandledReconcileAt": "a", "lastHandledForceAt": "b",
            "lastHandledResetAt": "c", "targetCluster": "sha256:7",
        });
        let read = read(serde_json::from_value(status.clone()).unwrap());
        assert_eq!(write(&read).unwrap(), status);
        let mut fields: Vec<&str> = status.as_object().unwrap().keys().map(String::as_str).collect();
        let mut all = FIELDS.to_vec();
        all.sort();
        fields.sort();
        assert_eq!(fields, all, "no field is forgotten");
    }

    #[test]
    fn nothing_was_released_where_nothing_can_be() {
        let of = |storage: &str, namespace: &str| {
            let snapshot = json!({ "digest": "", "name": "web", "namespace": namespace, "version": 1, "status": "deployed",
                "chartName": "web", "chartVersion": "1.0.0", "configDigest": "", "firstDeployed": "", "lastDeployed": "" });
            let status = json!({ "storageNamespace": storage, "history": [snapshot], "failures": 2 });
            let own = own(&read(serde_json::from_value(status).unwrap()));
            (own.storage_namespace, own.history.len(), own.failures)
        };
        assert_eq!(of("apps", "apps"), (Some("apps".to_owned()), 1, Some(2)));
        for (storage, namespace) in [("apps/secrets?x=", "apps"), ("apps", "../apps")] {
            assert_eq!(of(storage, namespace), (None, 0, Some(2)));
        }
    }
}
