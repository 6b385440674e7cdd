//! Who suspended a resource, or resumed it, as far as it tells; and what becomes of it when a command does.

mod setting;

use cowherd_api::flux::annotations::{
    FIELD_MANAGER, HELM_FIELD_MANAGER, INSTANCE_NAME, INSTANCE_NAMESPACE, OPERATOR_FIELD_MANAGER, OWNER_NAME,
    OWNER_NAMESPACE, RELEASE_NAME, RELEASE_NAMESPACE, SET_NAME, SET_NAMESPACE,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use serde_json::Value;

use crate::bootstrap::ROOT;
use crate::resource::Resource;
use crate::target::Kind;

pub use setting::set;

/// Whoever describes a resource, and with it whether that is suspended.
struct Describer {
    kind: Kind,
    namespace: String,
    name: String,
}

impl Describer {
    /// As its labels say, if these fields of the resource are those that such a one applies.
    fn of(resource: &Resource, entry: &ManagedFieldsEntry) -> Option<Self> {
        let label = |key: &str| resource.object.labels().get(key).cloned();
        let (kind, name, namespace) = match entry.manager.as_deref() {
            _ if entry.operation.as_deref() != Some("Apply") => return None,
            Some(FIELD_MANAGER) => (Kind::Kustomization, OWNER_NAME, OWNER_NAMESPACE),
            Some(HELM_FIELD_MANAGER) => (Kind::HelmRelease, RELEASE_NAME, RELEASE_NAMESPACE),
            Some(OPERATOR_FIELD_MANAGER) if label(SET_NAME).is_none() => {
                (Kind::FluxInstance, INSTANCE_NAME, INSTANCE_NAMESPACE)
            }
            Some(OPERATOR_FIELD_MANAGER) => (Kind::ResourceSet, SET_NAME, SET_NAMESPACE),
            _ => return None,
        };
        Some(Self { kind, namespace: label(namespace)?, name: label(name)? })
    }

    fn shown(&self) -> String {
        let Self { kind, namespace, name } = self;
        if namespace == ROOT {
            format!("{} {name}", kind.name())
        } else {
            format!("{} {namespace}/{name}", kind.name())
        }
    }

    fn is(&self, resource: &Resource) -> bool {
        self.kind == resource.kind && self.namespace == resource.namespace() && self.name == resource.name()
    }
}

/// What is said of a resource that is suspended, or is not any more: `suspended by "kubectl-patch" at 2026-01-01T00:00:00Z`. Of what
/// is described it is not known when it came to be so: the time is that of anything that was described anew.
pub fn told(resource: &Resource) -> String {
    let word = if resource.suspended() { "suspended" } else { "resumed" };
    let describer = |entry: &ManagedFieldsEntry| Describer::of(resource, entry);
    let time = |entry: &ManagedFieldsEntry| entry.time.as_ref().map(|time| time.0);
    let last = entries(resource).max_by_key(|entry| (time(entry), describer(entry).is_some()));
    let Some(last) = last else { return word.to_owned() };
    if let Some(describer) = describer(last) {
        return format!("{word}, as {} describes it", describer.shown());
    }
    let by = last.manager.as_ref().map(|by| format!(" by {by:?}")).unwrap_or_default();
    let at = time(last).map(|time| format!(" at {}", second(time))).unwrap_or_default();
    format!("{word}{by}{at}")
}

/// The managers that have `spec.suspend`.
fn entries(resource: &Resource) -> impl Iterator<Item = &ManagedFieldsEntry> {
    resource.object.managed_fields().iter().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| fields.pointer("/f:spec/f:suspend").is_some_and(Value::is_object))
    })
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::Kind;

    fn said(suspend: bool, managers: &[(&str, &str, Value)]) -> String {
        let entry = |(manager, time, fields): &(&str, &str, Value)| {
            let operation = if manager.ends_with("-controller") { "Apply" } else { "Update" };
            json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
                "fieldsV1": fields })
        };
        let fields: Vec<Value> = managers.iter().map(entry).collect();
        let labels = json!({ OWNER_NAME: "flux-system", OWNER_NAMESPACE: "flux-system" });
        let object = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "n", "managedFields": fields, "labels": labels },
            "spec": { "suspend": suspend } });
        told(&Resource { kind: Kind::GitRepository, object: serde_json::from_value(object).unwrap() })
    }

    #[test]
    fn whoever_has_the_field_is_named_and_nobody_where_none_has() {
        let suspend = json!({ "f:spec": { "f:suspend": {} } });
        let other = json!({ "f:spec": { "f:url": {} } });
        let managers = [
            ("cowherd", "2026-01-03T00:00:00Z", other.clone()),
            ("flux", "2026-01-01T00:00:00Z", suspend.clone()),
            ("kubectl-patch", "2026-01-02T00:00:00Z", suspend),
        ];
        assert_eq!(said(true, &managers), "suspended by \"kubectl-patch\" at 2026-01-02T00:00:00Z");
        assert_eq!(said(false, &managers[..2]), "resumed by \"flux\" at 2026-01-01T00:00:00Z");
        assert_eq!(said(false, &[("cowherd", "2026-01-03T00:00:00Z", other)]), "resumed");
    }
    #[test]
    fn what_is_described_is_told_as_that_and_without_a_time_that_means_something_else() {
        let suspend = json!({ "f:spec": { "f:suspend": {} } });
        let by_hand = ("kubectl-patch", "2026-01-01T00:00:00Z", suspend.clone());
        let described = ("kustomize-controller", "2026-01-01T00:00:00Z", suspend);
        let all = [by_hand.clone(), described.clone()];
        assert_eq!(said(true, &all), "suspended, as Kustomization flux-system describes it");
        assert_eq!(said(false, &[described, by_hand]), "resumed, as Kustomization flux-system describes it");
    }
}
