//! Fields that someone wrote by hand, with kubectl.
//!
//! Server-side apply leaves alone what other managers own. What people write with kubectl is different: as Flux does,
//! we take their fields over, so that the next apply removes those that the repository does not describe. An object
//! that says `kustomize.toolkit.fluxcd.io/ssa: Merge` keeps them.
//!
//! What people say to the agents stays, however they write it: who suspends a Kustomization in an emergency would think that it
//! is. Flux takes that back at its next interval where kubectl wrote it.

mod words;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

use crate::memory::has;
use crate::owner::{Ownership, SSA, SSA_MERGE};

/// What kubectl and early versions of Flux leave on objects beside the fields.
const LEFTOVERS: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
];

/// How deep fields are merged: objects cannot be deeper.
const DEPTH: usize = 200;

/// Whether someone wrote fields of the object by hand.
pub(crate) fn any(metadata: &ObjectMeta, ownership: &Ownership) -> bool {
    !has(metadata, SSA, SSA_MERGE)
        && metadata.managed_fields.iter().flatten().any(|entry| is_intruder(entry, ownership))
}

/// Whether somebody wrote the fields by hand, and says more than what is for the agents.
fn is_intruder(entry: &ManagedFieldsEntry, ownership: &Ownership) -> bool {
    if words::are_all(entry) || !entry.subresource.as_deref().unwrap_or_default().is_empty() {
        return false;
    }
    let manager = entry.manager.as_deref().unwrap_or_default();
    match entry.operation.as_deref() {
        Some("Apply") => ownership.takes_over && manager.starts_with("kubectl"),
        Some("Update") => {
            let is_by_hand = manager.starts_with("kubectl") || manager.starts_with("before-first-apply");
            (ownership.takes_over && is_by_hand) || manager == ownership.field_manager
        }
        _ => false,
    }
}

/// The merge patch that makes the fields ours, at the version of the object that was seen; `None` where there are
/// none.
pub(crate) fn takeover(metadata: &ObjectMeta, ownership: &Ownership) -> Option<Value> {
    let field_manager = ownership.field_manager;
    if !any(metadata, ownership) {
        return None;
    }
    let (mut intruders, mut kept): (Vec<_>, Vec<_>) =
        metadata.managed_fields.iter().flatten().cloned().partition(|entry| is_intruder(entry, ownership));
    kept.extend(intruders.iter_mut().filter_map(words::take));
    let ours = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(field_manager)
            && entry.operation.as_deref() == Some("Apply")
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let mut intruders = intruders.into_iter();
    let mut entry = match kept.iter().position(ours) {
        Some(index) => kept.remove(index),
        None => ManagedFieldsEntry {
            manager: Some(field_manager.to_owned()),
            operation: Some("Apply".to_owned()),
            ..intruders.next()?
        },
    };
    for intruder in intruders {
        entry.fields_v1 = match (entry.fields_v1, intruder.fields_v1) {
            (Some(FieldsV1(mut a)), Some(FieldsV1(b))) => {
                merge(&mut a, b, DEPTH);
                Some(FieldsV1(a))
            }
            (a, b) => a.or(b),
        };
    }
    kept.push(entry);
    let mut patch = json!({ "managedFields": kept, "resourceVersion": metadata.resource_version });
    let annotations = metadata.annotations.iter().flatten();
    let leftovers: Map<String, Value> = annotations
        .filter(|(key, _)| LEFTOVERS.contains(&key.as_str()))
        .map(|(key, _)| (key.clone(), Value::Null))
        .collect();
    if !leftovers.is_empty() {
        patch["annotations"] = Value::Object(leftovers);
    }
    Some(json!({ "metadata": patch }))
}

/// Adds the fields of `b` to those of `a`.
fn merge(a: &mut Value, b: Value, depth: usize) {
    if let (Value::Object(a), Value::Object(b)) = (a, b)
        && depth > 0
    {
        for (key, value) in b {
            match a.get_mut(&key) {
                Some(known) => merge(known, value, depth - 1),
                None => {
                    a.insert(key, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: Value, annotations: Value) -> ObjectMeta {
        serde_json::from_value(json!({ "resourceVersion": "7", "managedFields": entries, "annotations": annotations }))
            .unwrap()
    }

    #[test]
    fn fields_written_with_kubectl_become_ours() {
        let metadata = metadata(
            json!([
                { "manager": "kustomize-controller", "operation": "Apply", "fieldsV1": { "f:data": { "f:a": {} } } },
                { "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:b": {} } } },
                { "manager": "kubectl", "operation": "Update", "subresource": "status", "fieldsV1": {} },
                { "manager": "autoscaler", "operation": "Update", "fieldsV1": { "f:data": { "f:c": {} } } },
            ]),
            json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x" }),
        );
        let patch = takeover(&metadata, &Ownership::default()).unwrap();
        let entries = patch["metadata"]["managedFields"].as_array().unwrap();
        let managers: Vec<_> = entries.iter().map(|entry| entry["manager"].as_str().unwrap()).collect();
        assert_eq!(managers, ["kubectl", "autoscaler", "kustomize-controller"]);
        assert_eq!(entries[2]["fieldsV1"], json!({ "f:data": { "f:a": {}, "f:b": {} } }));
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let annotations = json!({ "kubectl.kubernetes.io/last-applied-configuration": null });
        assert_eq!(patch["metadata"]["annotations"], annotations);
    }

    #[test]
    fn what_others_own_stays_theirs() {
        let others = json!([{ "manager": "autoscaler", "operation": "Update", "fieldsV1": {} }]);
        assert_eq!(takeover(&metadata(others, json!({})), &Ownership::default()), None);
        let merged = json!([{ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": {} }]);
        let annotations = json!({ "kustomize.toolkit.fluxcd.io/ssa": "Merge" });
        assert_eq!(takeover(&metadata(merged, annotations), &Ownership::default()), None);
    }
}

#[cfg(test)]
#[path = "intruders_tests.rs"]
mod entry_tests;
