//! Who suspended a resource, or resumed it, as far as it tells.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use serde_json::Value;

use crate::resource::Resource;

/// What is said of a resource that is suspended, or is not any more: `suspended by "kubectl-patch" at 2026-01-01T00:00:00Z`.
pub fn told(resource: &Resource) -> String {
    let word = if resource.suspended() { "suspended" } else { "resumed" };
    let of_suspend = |entry: &&ManagedFieldsEntry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| fields.pointer("/f:spec/f:suspend").is_some_and(Value::is_object))
    };
    let entries = resource.object.managed_fields().iter().filter(of_suspend);
    let last = entries.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    let by = last.and_then(|entry| entry.manager.as_ref()).map(|by| format!(" by {by:?}")).unwrap_or_default();
    let at =
        last.and_then(|entry| entry.time.as_ref()).map(|time| format!(" at {}", second(time.0))).unwrap_or_default();
    format!("{word}{by}{at}")
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
            json!({ "manager": manager, "operation": "Update", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
                "fieldsV1": fields })
        };
        let fields: Vec<Value> = managers.iter().map(entry).collect();
        let object = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "n", "managedFields": fields }, "spec": { "suspend": suspend } });
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
}
