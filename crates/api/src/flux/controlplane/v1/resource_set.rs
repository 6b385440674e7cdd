//! `ResourceSet`: objects that are made of templates and inputs.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, ValidationRule};
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LabelSelector, any_objects, lists_of_any_values};
use crate::Condition;
use crate::flux::kustomize::v1::{ResourceInventory, Snapshot};

/// What templates are given, by name.
pub type Input = BTreeMap<String, Value>;

/// What must hold of a spec, in the words of CEL, and what is said where it does not.
const RULES: [(&str, &str); 2] = [
    (
        "!has(self.steps) || (!has(self.resources) && !has(self.resourcesTemplate))",
        "steps is mutually exclusive with resources and resourcesTemplate",
    ),
    (
        "has(self.steps) || has(self.resources) || has(self.resourcesTemplate)",
        "at least one of steps, resources or resourcesTemplate must be set",
    ),
];

/// The definition of [`ResourceSet`].
pub fn resource_set_crd() -> CustomResourceDefinition {
    let mut crd = ResourceSet::crd();
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

/// Templates of objects, and what they are filled in with.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "ResourceSet",
    plural = "resourcesets",
    shortname = "rset",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-appliers",
    namespaced,
    status = "ResourceSetStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Templates of objects, and what they are filled in with.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSetSpec {
    /// Labels and annotations that every object gets, whatever it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// How the inputs of several providers come together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_strategy: Option<InputStrategy>,
    /// What the templates are filled in with: once with each of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "lists_of_any_values")]
    pub inputs: Vec<Input>,
    /// The ResourceSetInputProviders that give more of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs_from: Vec<InputProviderReference>,
    /// The templates: objects, in whose texts `<< inputs.NAME >>` stands for what an input has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_objects")]
    pub resources: Vec<Value>,
    /// The same as one template of a text, which is to become documents of YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_template: Option<String>,
    /// Templates whose objects are applied one step after the other, each when those before it are ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub steps: Vec<Step>,
    /// The objects that must be there first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// The ServiceAccount on whose behalf the objects are applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Whether all objects have to be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
}

/// Labels and annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommonMetadata {
    /// Annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// How the inputs of several providers come together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputStrategy {
    /// Flatten: one after the other. Permute: each of one with each of all others, below the names of their providers.
    #[schemars(extend("enum" = ["Flatten", "Permute"]))]
    pub name: String,
    /// With Permute: whether there is nothing at all where one provider gives nothing; without it that one is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_empty_providers: Option<bool>,
}

/// ResourceSetInputProviders of the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputProviderReference {
    /// Their API version: fluxcd.controlplane.io/v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["fluxcd.controlplane.io/v1"]))]
    pub api_version: Option<String>,
    /// Their kind: ResourceSetInputProvider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ResourceSetInputProvider"]))]
    pub kind: Option<String>,
    /// The name of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The labels of several, in place of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Templates of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The name of the step.
    #[schemars(length(max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its templates, as in `resources` of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_objects")]
    pub resources: Vec<Value>,
    /// Its template of a text, as in `resourcesTemplate` of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_template: Option<String>,
    /// How long its objects may take to be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<crate::Duration>,
}

/// An object that must be there first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether it has to be ready, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// A CEL expression over its fields that decides whether it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_expr: Option<String>,
}

/// What was last observed of a ResourceSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSetStatus {
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Beyond the Flux Operator: the generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the ResourceSet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The objects that were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ResourceInventory>,
    /// The digest of the objects that were last applied with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// Beyond the Flux Operator: the digest of what the providers gave when it was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The ConfigMaps and Secrets that are not made here and of which checksums are in annotations, as Kind/namespace/name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_checksum_refs: Vec<String>,
    /// The last reconciliations, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
    /// Beyond the Flux Operator: how many entries of the inventory, from the first on, the ResourceSet had when nothing was to be
    /// pruned last. Missing where those are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_entries: Option<u32>,
}
