//! `FluxReport`: how the Flux of a cluster is.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, ValidationRule};
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// The definition of [`FluxReport`].
pub fn flux_report_crd() -> CustomResourceDefinition {
    let mut crd = FluxReport::crd();
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        schema.x_kubernetes_validations = Some(vec![ValidationRule {
            rule: "self.metadata.name == 'flux'".to_owned(),
            message: Some("the only accepted name for a FluxReport is 'flux'".to_owned()),
            ..Default::default()
        }]);
    }
    crd
}

/// How the Flux of the cluster is: cowherd writes it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "FluxReport",
    plural = "fluxreports",
    category = "fluxcd",
    namespaced,
    status = "FluxReportStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "How the Flux of the cluster is: cowherd writes it.",
    printcolumn = r#"{"name":"Entitlement","type":"string","jsonPath":".spec.distribution.entitlement","priority":10}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"LastUpdated","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].lastTransitionTime"}"#
)]
pub struct FluxReportSpec {
    /// Which Flux it is: cowherd.
    pub distribution: DistributionStatus,
    /// The cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
    /// Who writes this: cowherd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorInfo>,
    /// Flux's controllers, which are parts of cowherd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentStatus>,
    /// How many resources there are of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reconcilers: Vec<ReconcilerStatus>,
    /// What is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncStatus>,
}

/// Which Flux it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DistributionStatus {
    /// Whether somebody issued an entitlement.
    pub entitlement: String,
    /// How it is.
    pub status: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// The cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// The version of its API server.
    pub server_version: String,
    /// What that runs on.
    pub platform: String,
    /// How many nodes there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<i64>,
}

/// Who writes this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorInfo {
    /// The version of its API.
    pub api_version: String,
    /// Its own version.
    pub version: String,
    /// What it runs on.
    pub platform: String,
}

/// A controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentStatus {
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// How it is.
    pub status: String,
    /// Its image.
    pub image: String,
}

/// The resources of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconcilerStatus {
    /// Their API version.
    pub api_version: String,
    /// Their kind.
    pub kind: String,
    /// How many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ReconcilerStats>,
}

/// How many resources there are of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconcilerStats {
    /// Those that are not suspended.
    pub running: i64,
    /// Those of these that fail.
    pub failing: i64,
    /// Those that are suspended.
    pub suspended: i64,
    /// How large their artifacts are together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_size: Option<String>,
}

/// What is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncStatus {
    /// Its Kustomization.
    pub id: String,
    /// The directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether it is ready.
    pub ready: bool,
    /// How it is.
    pub status: String,
    /// The address of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What was last observed of a FluxReport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxReportStatus {
    /// The last request for a new report that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The conditions of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
