//! The event that tells of an object that was put back.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{DynamicObject, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::bootstrap::{MANAGER, ROOT};

/// Tells of it. An event that cannot be written changes nothing about what was done.
pub async fn tell(client: &Client, about: &DynamicObject, kind: &str, message: &str) {
    let now = Timestamp::now();
    let types = about.types.clone().unwrap_or_default();
    let event = json!({
        "metadata": { "name": format!("{ROOT}.{:x}", now.as_nanosecond()), "namespace": ROOT },
        "involvedObject": {
            "apiVersion": types.api_version, "kind": kind, "name": about.name_any(), "namespace": ROOT,
            "uid": about.uid(), "resourceVersion": about.resource_version(),
        },
        "type": "Warning", "reason": "Restored", "message": message, "count": 1,
        "firstTimestamp": seconds(now), "lastTimestamp": seconds(now),
        "source": { "component": MANAGER }, "reportingComponent": MANAGER,
    });
    let Ok(event) = serde_json::from_value::<Event>(event) else { return };
    let events: Api<Event> = Api::namespaced(client.clone(), ROOT);
    let _ = events.create(&PostParams::default(), &event).await;
}

/// A time as Kubernetes writes it in events: UTC, without fractions.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
