//! `notification.toolkit.fluxcd.io/v1`: Receivers.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventSource;
use crate::flux::LocalObjectReference;
use crate::{Condition, Duration};

/// The definition of [`Receiver`], also under the version that many repositories still write.
pub fn receiver_crd() -> CustomResourceDefinition {
    crate::flux::with_version(Receiver::crd(), "v1beta2")
}

/// Who may ask for a reconciliation by a webhook, and of what.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "notification.toolkit.fluxcd.io",
    version = "v1",
    kind = "Receiver",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-notifications",
    namespaced,
    status = "ReceiverStatus",
    derive = "PartialEq",
    doc = "Who may ask for a reconciliation by a webhook, and of what.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverSpec {
    /// Who sends, and so how it is checked that they do.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = [
        "generic", "generic-hmac", "generic-oidc", "github", "gitlab", "bitbucket", "harbor", "dockerhub", "quay", "gcr",
        "nexus", "acr", "cdevents"
    ]))]
    pub kind: String,
    /// How often the Secret is read: every 10m by default.
    #[serde(default = "default_interval", skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// The events that count, such as `push` of GitHub or `Push Hook` of GitLab; all, where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// What is reconciled.
    pub resources: Vec<ReceiverResource>,
    /// An expression (CEL) that decides of each resource whether it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_filter: Option<String>,
    /// The Secret with the `token` that senders know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Whose tokens are trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oidc_providers: Vec<OidcProvider>,
    /// Takes nothing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

fn default_interval() -> Option<Duration> {
    Some(Duration::new("10m"))
}

/// What is reconciled: one object, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverResource {
    /// Which.
    #[serde(flatten)]
    pub of: EventSource,
    /// An expression (CEL) that decides of each whether it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// Who issues tokens that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcProvider {
    /// The URL of the issuer.
    #[serde(rename = "issuerURL")]
    #[schemars(regex(pattern = r"^https?://"))]
    pub issuer_url: String,
    /// For whom the tokens are: `notification-controller` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Expressions (CEL) that others may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<OidcVariable>,
    /// Expressions (CEL) of which all must hold.
    #[schemars(length(min = 1))]
    pub validations: Vec<OidcValidation>,
}

/// An expression with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcVariable {
    /// The name.
    pub name: String,
    /// The expression.
    pub expression: String,
}

/// An expression that must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcValidation {
    /// The expression.
    pub expression: String,
    /// What is said where it does not.
    pub message: String,
}

/// What was last observed of a Receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverStatus {
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The conditions of the Receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The path of the webhook: `/hook/` and the SHA-256 of token, name and namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_path: Option<String>,
    /// The generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_as_flux_documents_it_is_read_whole() {
        let receiver: Receiver = serde_json::from_value(serde_json::json!({
            "apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
            "metadata": { "name": "github", "namespace": "flux-system" },
            "spec": { "type": "github", "events": ["ping", "push"], "secretRef": { "name": "webhook-token" },
                "resources": [{ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "name": "webapp" }] },
        }))
        .unwrap();
        assert_eq!(receiver.spec.interval, Some(Duration::new("10m")), "by default");
        assert_eq!(receiver.spec.resources[0].of.name, "webapp");
    }
}
