//! What people say to the agents by fields of the objects that those act upon: to leave one alone, or to look at it now.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

/// The groups of these objects end so.
const GROUPS: [&str; 3] = [".toolkit.fluxcd.io", ".extensions.fluxcd.io", "fluxcd.controlplane.io"];
/// The annotations that ask for something begin so.
const REQUESTS: &str = "f:reconcile.fluxcd.io/";
/// The entry of a map or a list itself among those of what is in it.
const ITSELF: &str = ".";

/// Whether all that the entry has is said to the agents.
pub(super) fn are_all(entry: &ManagedFieldsEntry) -> bool {
    let mut rest = entry.clone();
    take(&mut rest).is_some() && !rest.fields_v1.is_some_and(|FieldsV1(fields)| has_any(&fields))
}

/// Takes what is said to the agents out of an entry: an entry of its own, of the same manager; `None` where nothing is.
pub(super) fn take(entry: &mut ManagedFieldsEntry) -> Option<ManagedFieldsEntry> {
    let group = entry.api_version.as_deref()?.split_once('/')?.0;
    if !GROUPS.iter().any(|end| group.ends_with(end)) {
        return None;
    }
    let FieldsV1(fields) = entry.fields_v1.as_mut()?;
    let mut words = json!({});
    let suspend = taken(fields, &["f:spec"], |key| key == "f:suspend");
    if !suspend.is_empty() {
        words["f:spec"] = Value::Object(suspend);
    }
    let requests = taken(fields, &["f:metadata", "f:annotations"], |key| key.starts_with(REQUESTS));
    if !requests.is_empty() {
        words["f:metadata"] = json!({ "f:annotations": requests });
    }
    has_any(&words).then(|| ManagedFieldsEntry { fields_v1: Some(FieldsV1(words)), ..entry.clone() })
}

/// Takes some of the fields of a map out, and the maps on the way to it that have none then: an empty one would stand for all
/// that is in it.
fn taken(fields: &mut Value, way: &[&str], is_one: fn(&str) -> bool) -> Map<String, Value> {
    let Value::Object(map) = fields else { return Map::new() };
    let Some((next, way)) = way.split_first() else {
        let (taken, others) = std::mem::take(map).into_iter().partition(|(key, _)| is_one(key));
        *map = others;
        return taken;
    };
    let Some(inner) = map.get_mut(*next) else { return Map::new() };
    let taken = taken(inner, way, is_one);
    if !taken.is_empty() && inner.as_object().is_some_and(Map::is_empty) {
        map.remove(*next);
    }
    taken
}

/// Whether some field is among these, and not only maps that have none.
fn has_any(fields: &Value) -> bool {
    let is_map = |key: &str| matches!(key, "f:metadata" | "f:spec" | "f:annotations");
    fields
        .as_object()
        .is_some_and(|fields| fields.iter().any(|(key, inner)| key != ITSELF && (!is_map(key) || has_any(inner))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(api_version: &str, fields: Value) -> ManagedFieldsEntry {
        let entry = json!({ "manager": "kubectl-patch", "operation": "Update", "apiVersion": api_version,
            "time": "2026-01-01T00:00:00Z", "fieldsV1": fields });
        serde_json::from_value(entry).unwrap()
    }

    /// What is said to the agents, and what is left.
    fn divided(api_version: &str, fields: Value) -> (Option<Value>, Value) {
        let mut entry = entry(api_version, fields);
        let words = take(&mut entry);
        (words.map(|words| words.fields_v1.unwrap().0), entry.fields_v1.unwrap().0)
    }

    const KUSTOMIZATION: &str = "kustomize.toolkit.fluxcd.io/v1";

    #[test]
    fn suspensions_and_requests_are_said_to_the_agents_and_nothing_else_is() {
        let suspend = json!({ "f:spec": { "f:suspend": {} } });
        let request =
            json!({ "f:metadata": { "f:annotations": { ".": {}, "f:reconcile.fluxcd.io/requestedAt": {} } } });
        for words in [&suspend, &request] {
            for group in [KUSTOMIZATION, "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1"] {
                assert!(are_all(&entry(group, words.clone())), "{group} {words}");
            }
            for group in ["batch/v1", "v1", "toolkit.fluxcd.io.example.com/v1"] {
                assert!(!are_all(&entry(group, words.clone())), "{group} {words}");
                assert_eq!(divided(group, words.clone()), (None, words.clone()));
            }
        }
        for others in [
            json!({ "f:spec": { "f:prune": {} } }),
            json!({ "f:metadata": { "f:annotations": { "f:mine": {} } } }),
            json!({ "f:metadata": { "f:labels": { "f:suspend": {} } } }),
            json!({}),
        ] {
            assert!(!are_all(&entry(KUSTOMIZATION, others.clone())), "{others}");
            assert_eq!(divided(KUSTOMIZATION, others.clone()), (None, others));
        }
    }

    #[test]
    fn what_is_said_beside_something_else_is_taken_out_of_that() {
        let fields = json!({
            "f:metadata": { "f:annotations": { "f:mine": {}, "f:reconcile.fluxcd.io/forceAt": {} } },
            "f:spec": { "f:interval": {}, "f:suspend": {} },
        });
        assert!(!are_all(&entry(KUSTOMIZATION, fields.clone())));
        let words = json!({
            "f:metadata": { "f:annotations": { "f:reconcile.fluxcd.io/forceAt": {} } },
            "f:spec": { "f:suspend": {} },
        });
        let rest = json!({ "f:metadata": { "f:annotations": { "f:mine": {} } }, "f:spec": { "f:interval": {} } });
        assert_eq!(divided(KUSTOMIZATION, fields), (Some(words), rest));
        let mine = json!({ "f:metadata": { "f:annotations": { "f:mine": {} } }, "f:spec": { "f:suspend": {} } });
        let rest = json!({ "f:metadata": { "f:annotations": { "f:mine": {} } } });
        assert_eq!(divided(KUSTOMIZATION, mine), (Some(json!({ "f:spec": { "f:suspend": {} } })), rest));
    }
}
