//! `ResourceSetInputProvider`: inputs of ResourceSets that come from elsewhere.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, ValidationRule};
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Input, LabelSelectorRequirement, any_values, lists_of_any_values};
use crate::Condition;
use crate::flux::LocalObjectReference;

/// What must hold of a spec, in the words of CEL, and what is said where it does not.
const RULES: [(&str, &str); 4] = [
    (
        "self.type == 'Static' || self.type == 'ExternalArtifact' || has(self.url)",
        "spec.url must be set unless spec.type is 'Static' or 'ExternalArtifact'",
    ),
    ("self.type != 'Static' || !has(self.url)", "spec.url must be empty when spec.type is 'Static'"),
    (
        "!self.type.startsWith('Git') || self.url.startsWith('http')",
        "spec.url must start with 'http://' or 'https://' when spec.type is a Git provider",
    ),
    (
        "!self.type.endsWith('ArtifactTag') || self.url.startsWith('oci')",
        "spec.url must start with 'oci://' when spec.type is an OCI provider",
    ),
];

/// The definition of [`ResourceSetInputProvider`].
pub fn input_provider_crd() -> CustomResourceDefinition {
    let mut crd = ResourceSetInputProvider::crd();
    // Until it was observed it is not ready, whoever looks.
    crate::flux::default_status(&mut crd);
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for spec in schemas.filter_map(|schema| schema.properties.as_mut()?.get_mut("spec")) {
        let rule = |(rule, message): (&str, &str)| ValidationRule {
            rule: rule.to_owned(),
            message: Some(message.to_owned()),
            ..Default::default()
        };
        spec.x_kubernetes_validations = Some(RULES.map(rule).into());
    }
    crd
}

/// Where inputs of ResourceSets come from.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "ResourceSetInputProvider",
    plural = "resourcesetinputproviders",
    shortname = "rsip",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources",
    namespaced,
    status = "ResourceSetInputProviderStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Where inputs of ResourceSets come from.",
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSetInputProviderSpec {
    /// What gives the inputs, and what of it each stands for.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = [
        "Static", "GitHubBranch", "GitHubTag", "GitHubPullRequest", "GitLabBranch", "GitLabTag", "GitLabMergeRequest",
        "GitLabEnvironment", "AzureDevOpsBranch", "AzureDevOpsTag", "AzureDevOpsPullRequest", "AWSCodeCommitBranch",
        "AWSCodeCommitTag", "AWSCodeCommitPullRequest", "GiteaBranch", "GiteaTag", "GiteaPullRequest", "OCIArtifactTag",
        "ACRArtifactTag", "ECRArtifactTag", "GARArtifactTag", "ExternalService", "ExternalArtifact"
    ]))]
    pub type_: String,
    /// The address of the repository, or of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^((http|https|oci)://.*){0,1}$"))]
    pub url: Option<String>,
    /// The ServiceAccount whose Secrets for pulling images count at a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Whether it may be asked without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// What every input has that says nothing else of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "any_values")]
    pub default_values: Input,
    /// Which of what there is become inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<InputFilter>,
    /// Which inputs stay as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<InputSkip>,
    /// When it is looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<Schedule>,
    /// The ExternalArtifacts, where the type is that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selectors: Vec<ExternalArtifactSelector>,
}

/// Which ExternalArtifacts become inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalArtifactSelector {
    /// Labels with the values that they must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// What must hold of labels besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
    /// The name of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their namespace; `*` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Which of what there is become inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputFilter {
    /// A regular expression that fits the branches which become inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_branch: Option<String>,
    /// A regular expression that fits the branches which do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_branch: Option<String>,
    /// A regular expression that fits the tags which become inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_tag: Option<String>,
    /// A regular expression that fits the tags which do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_tag: Option<String>,
    /// A regular expression that fits the environments which become inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_environment: Option<String>,
    /// A regular expression that fits the environments which do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_environment: Option<String>,
    /// Labels that a request has to have, all of them, to become an input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// How many inputs there are at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 100, "maximum" = 10000))]
    pub limit: Option<u32>,
    /// The versions that become inputs, the highest first; without it, tags are sorted by their text, the last first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
}

/// Which inputs stay as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputSkip {
    /// Those of requests that have one of these labels, or, behind a `!`, that have it not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// When it is looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The times, as cron writes them.
    pub cron: String,
    /// The time zone: UTC by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "UTC"))]
    pub time_zone: Option<String>,
    /// For how long from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "0s"))]
    pub window: Option<crate::Duration>,
}

/// When it is looked next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextSchedule {
    /// The times, as cron writes them.
    pub cron: String,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// For how long from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<crate::Duration>,
    /// The next of these times.
    #[schemars(extend("format" = "date-time"))]
    pub when: String,
}

/// What was last observed of a ResourceSetInputProvider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSetInputProviderStatus {
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The last request for one outside of the schedule that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,
    /// Beyond the Flux Operator: the generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "lists_of_any_values")]
    pub exported_inputs: Vec<Input>,
    /// The digest of the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exported_revision: Option<String>,
    /// When it is looked next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_schedule: Option<NextSchedule>,
}
