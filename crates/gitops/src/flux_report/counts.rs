//! How many resources there are of each kind, and how they are.

use cowherd_api::flux::annotations::{DISABLED, GENERATOR_RECONCILE, SET_RECONCILE};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::PAGE;
use crate::conditions::{DEPENDENCY_NOT_READY, READY};

/// What is counted, as group, version and kind, in the order of a report.
pub(super) const COUNTED: [(&str, &str, &str); 18] = [
    ("fluxcd.controlplane.io", "v1", "FluxInstance"),
    ("fluxcd.controlplane.io", "v1", "ResourceSet"),
    ("fluxcd.controlplane.io", "v1", "ResourceSetInputProvider"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
    ("image.toolkit.fluxcd.io", "v1", "ImagePolicy"),
    ("image.toolkit.fluxcd.io", "v1", "ImageRepository"),
    ("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("notification.toolkit.fluxcd.io", "v1", "Receiver"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Alert"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Provider"),
    ("source.extensions.fluxcd.io", "v1beta1", "ArtifactGenerator"),
    ("source.toolkit.fluxcd.io", "v1", "Bucket"),
    ("source.toolkit.fluxcd.io", "v1", "ExternalArtifact"),
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("source.toolkit.fluxcd.io", "v1", "HelmChart"),
    ("source.toolkit.fluxcd.io", "v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "v1", "OCIRepository"),
];

/// The annotations by which an object is left alone that has no field for that.
const RESTING: [&str; 2] = [SET_RECONCILE, GENERATOR_RECONCILE];

/// The counts of all kinds, as a report has them: in all namespaces, or in one.
pub(super) async fn all(client: &Client, namespace: Option<&str>) -> kube::Result<Vec<Value>> {
    let mut all = Vec::with_capacity(COUNTED.len());
    for (group, version, kind) in COUNTED {
        let resource = resource(group, version, kind);
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let stats = match count(&api).await {
            // The cluster was not given the definition of the kind, of which there are none then: it says so by the number alone.
            Err(kube::Error::Api(status)) if status.code == 404 => continue,
            counted => counted?.written(),
        };
        all.push(json!({ "apiVersion": format!("{group}/{version}"), "kind": kind, "stats": stats }));
    }
    Ok(all)
}

/// How many there are of a kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    running: u64,
    failing: u64,
    suspended: u64,
    /// How large their artifacts are together, in bytes.
    size: u64,
}

impl Count {
    fn note(&mut self, object: &DynamicObject) {
        let size = object.data.pointer("/status/artifact/size").and_then(Value::as_u64).unwrap_or_default();
        self.size = self.size.saturating_add(size);
        let is_disabled =
            |key: &&str| object.annotations().get(*key).is_some_and(|value| value.eq_ignore_ascii_case(DISABLED));
        let is_suspended = object.data.pointer("/spec/suspend") == Some(&Value::Bool(true));
        if is_suspended || RESTING.iter().any(is_disabled) {
            self.suspended += 1;
            return;
        }
        self.running += 1;
        let has_failed = ready(&object.data)
            .is_some_and(|ready| ready["status"] == "False" && ready["reason"] != DEPENDENCY_NOT_READY);
        self.failing += u64::from(has_failed);
    }

    fn written(&self) -> Value {
        let mut stats = json!({ "running": self.running, "failing": self.failing, "suspended": self.suspended });
        if self.size > 0 {
            stats["totalSize"] = human(self.size).into();
        }
        stats
    }
}

/// The `Ready` condition of an object.
pub(super) fn ready(data: &Value) -> Option<&Value> {
    let conditions = data.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == READY)
}

/// A number of bytes as the Flux Operator writes it: `1.5 MiB`.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut divisor: u64 = 1024;
    while bytes / divisor >= 1024 && unit + 1 < UNITS.len() {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

async fn count(api: &Api<DynamicObject>) -> kube::Result<Count> {
    let mut count = Count::default();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        page.items.iter().for_each(|object| count.note(object));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(count),
        }
    }
}

/// How the API names a kind.
pub(super) fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rests_does_not_fail_and_what_waits_does_not_either() {
        let object = |spec: Value, annotations: Value, reason: &str| -> DynamicObject {
            let conditions = json!([{ "type": "Ready", "status": "False", "reason": reason }]);
            serde_json::from_value(json!({ "metadata": { "name": "a", "annotations": annotations }, "spec": spec,
                "status": { "conditions": conditions, "artifact": { "size": 512 } } }))
            .unwrap()
        };
        let mut count = Count::default();
        count.note(&object(json!({}), json!({}), "BuildFailed"));
        count.note(&object(json!({}), json!({}), "DependencyNotReady"));
        count.note(&object(json!({ "suspend": true }), json!({}), "BuildFailed"));
        count.note(&object(json!({}), json!({ SET_RECONCILE: "disabled" }), "BuildFailed"));
        assert_eq!(count, Count { running: 2, failing: 1, suspended: 2, size: 2048 });
        let written = json!({ "running": 2, "failing": 1, "suspended": 2, "totalSize": "2.0 KiB" });
        assert_eq!(count.written(), written);
        assert_eq!(Count::default().written(), json!({ "running": 0, "failing": 0, "suspended": 0 }));
    }

    #[tokio::test]
    async fn a_kind_that_the_cluster_does_not_have_is_left_out_and_what_is_not_known_is_no_report() {
        let cluster = |status: u16| {
            tower::service_fn(move |request: http::Request<kube::client::Body>| async move {
                let (code, answer) = match request.uri().path().contains("/image.toolkit.fluxcd.io/") {
                    // As kube-apiserver answers for a group that it does not have.
                    true => (status, json!("404 page not found")),
                    false => (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": [] })),
                };
                let body = kube::client::Body::from(serde_json::to_vec(&answer).unwrap());
                Ok::<_, std::io::Error>(http::Response::builder().status(code).body(body).unwrap())
            })
        };
        let told = all(&Client::new(cluster(404), "default"), None).await.unwrap();
        assert_eq!(told.len(), COUNTED.len() - 3);
        assert!(all(&Client::new(cluster(403), "default"), None).await.is_err());
    }

    #[test]
    fn sizes_are_written_for_people() {
        for (bytes, text) in
            [(1, "1 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn kinds_are_called_as_in_their_definitions_and_in_order() {
        for (group, version, kind) in COUNTED {
            let name = format!("{}.{group}", resource(group, version, kind).plural);
            assert!(cowherd_api::crd_names().contains(&name.as_str()), "{name}");
        }
        for definition in cowherd_api::crd_names() {
            // Of the report itself there is one, and what no controller acts upon is not how anything is.
            let is_counted = COUNTED.iter().any(|(group, version, kind)| {
                *definition == format!("{}.{group}", resource(group, version, kind).plural)
            });
            assert!(is_counted || definition.starts_with("fluxreports."), "{definition}");
        }
        let names = COUNTED.map(|(group, version, kind)| format!("{group}/{version}{kind}"));
        assert!(names.is_sorted(), "{names:?}");
    }
}
