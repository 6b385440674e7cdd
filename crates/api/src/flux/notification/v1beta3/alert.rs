//! Alerts.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::LocalObjectReference;
use crate::flux::notification::EventSource;

/// The definition of [`Alert`], also under the version that many repositories still write.
pub fn alert_crd() -> CustomResourceDefinition {
    crate::flux::with_version(Alert::crd(), "v1beta2")
}

/// Which events a provider is told of.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "notification.toolkit.fluxcd.io",
    version = "v1beta3",
    kind = "Alert",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-notifications",
    namespaced,
    derive = "PartialEq",
    doc = "Which events a provider is told of.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct AlertSpec {
    /// The Provider, in the same namespace.
    pub provider_ref: LocalObjectReference,
    /// Whether of all events or of errors alone: info (the default) or error.
    #[serde(default = "default_severity", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["info", "error"]))]
    pub event_severity: Option<String>,
    /// The objects of whose events.
    pub event_sources: Vec<EventSource>,
    /// Regular expressions, of which one must be found in the message where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inclusion_list: Vec<String>,
    /// What is added to the metadata of the events. What the controllers say of an object goes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_metadata: Option<BTreeMap<String, String>>,
    /// Regular expressions, of which none may be found in the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusion_list: Vec<String>,
    /// What is added as `summary`; `eventMetadata.summary` took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub summary: Option<String>,
    /// Tells nobody of anything meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

fn default_severity() -> Option<String> {
    Some("info".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_as_flux_documents_it_is_read_whole() {
        let alert: Alert = serde_json::from_value(serde_json::json!({
            "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": { "name": "slack", "namespace": "flux-system" },
            "spec": { "providerRef": { "name": "slack-bot" }, "summary": "production cluster",
                "eventMetadata": { "env": "production" },
                "eventSources": [{ "kind": "GitRepository", "name": "*", "matchLabels": { "team": "red" } }],
                "exclusionList": ["waiting.*socket"] },
        }))
        .unwrap();
        assert_eq!(alert.spec.event_severity.as_deref(), Some("info"), "by default");
        assert_eq!(alert.spec.event_sources[0].match_labels.as_ref().unwrap()["team"], "red");
    }
}
