//! `FluxInstance`: the Flux of a cluster.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, ValidationRule};
use kube::{CustomResource, CustomResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CommonMetadata, any_objects};
use crate::Condition;
use crate::flux::kustomize::v1::{ResourceInventory, Snapshot};

/// What must hold of a FluxInstance, below which of its fields, in the words of CEL, and what is said where it does not.
const RULES: [(&[&str], &str, &str); 6] = [
    (&[], "self.metadata.name == 'flux'", "the only accepted name for a FluxInstance is 'flux'"),
    (
        &["spec"],
        "!has(self.sharding) || !has(self.sharding.storage) || self.sharding.storage != 'persistent' || has(self.storage)",
        "spec.storage must be set when spec.sharding.storage is 'persistent'",
    ),
    (
        &["spec", "cluster"],
        "(has(self.objectLevelWorkloadIdentity) && self.objectLevelWorkloadIdentity) || \
         !has(self.multitenantWorkloadIdentity) || !self.multitenantWorkloadIdentity",
        "objectLevelWorkloadIdentity must be true when multitenantWorkloadIdentity is",
    ),
    (
        &["spec", "sync"],
        "!has(self.provider) || self.provider != 'gcp' || self.kind == 'OCIRepository' || self.kind == 'Bucket'",
        "spec.sync.provider 'gcp' is for an OCIRepository or a Bucket",
    ),
    (
        &["spec", "sync"],
        "!has(self.provider) || self.provider != 'github' || self.kind == 'GitRepository'",
        "spec.sync.provider 'github' is for a GitRepository",
    ),
    (&["spec", "sync", "name"], "self == oldSelf", "spec.sync.name cannot be changed"),
];

/// The definition of [`FluxInstance`].
pub fn flux_instance_crd() -> CustomResourceDefinition {
    let mut crd = FluxInstance::crd();
    // Until it was observed it is not ready, whoever looks.
    crate::flux::default_status(&mut crd);
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        for (fields, rule, message) in RULES {
            let at = fields.iter().try_fold(&mut *schema, |schema, field| schema.properties.as_mut()?.get_mut(*field));
            let rule = ValidationRule {
                rule: rule.to_owned(),
                message: Some(message.to_owned()),
                ..ValidationRule::default()
            };
            if let Some(at) = at {
                at.x_kubernetes_validations.get_or_insert_default().push(rule);
            }
        }
    }
    crd
}

/// The Flux of the cluster, and what it follows.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fluxcd.controlplane.io",
    version = "v1",
    kind = "FluxInstance",
    plural = "fluxinstances",
    category = "fluxcd",
    category = "fluxcd-appliers",
    namespaced,
    status = "FluxInstanceStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "The Flux of the cluster, and what it follows.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"Revision","type":"string","jsonPath":".status.lastAttemptedRevision"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct FluxInstanceSpec {
    /// Which Flux would be installed, and from where: cowherd is there already.
    pub distribution: Distribution,
    /// The controllers, of which cowherd does the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "components")]
    pub components: Vec<String>,
    /// Labels and annotations that every object gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// What the cluster is like: cowherd is told that by its flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// How the work is shared among controllers: cowherd is told that by its flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharding: Option<Sharding>,
    /// Where artifacts would be kept: cowherd has its data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Patches, of which those count that are about what is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Kustomize>,
    /// Whether all objects have to be ready: they do by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub wait: Option<bool>,
    /// Whether objects are stored anew in the latest version: cowherd stores them in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub migrate_resources: Option<bool>,
    /// What is followed: a source and a Kustomization are made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
}

/// The schema of a list of Flux's controllers.
fn components(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "enum": [
        "source-controller", "kustomize-controller", "helm-controller", "notification-controller",
        "image-reflector-controller", "image-automation-controller", "source-watcher"
    ] } })
}

/// Which Flux would be installed, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// The versions of Flux.
    pub version: String,
    /// The registry of its images.
    pub registry: String,
    /// The variant of its images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [
        "upstream-alpine", "enterprise-alpine", "enterprise-distroless", "enterprise-distroless-fips"
    ]))]
    pub variant: Option<String>,
    /// The Secret with credentials for the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secret: Option<String>,
    /// The artifact with its manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^oci://.*$"))]
    pub artifact: Option<String>,
    /// The Secret with credentials for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_pull_secret: Option<String>,
}

/// What the cluster is like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cluster.local"))]
    pub domain: Option<String>,
    /// Whether tenants are kept apart: `--no-cross-namespace-refs` and `--default-service-account` of cowherd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub multitenant: Option<bool>,
    /// Whether tenants' accounts authenticate with a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub multitenant_workload_identity: Option<bool>,
    /// The account for tenants that name none: `--default-service-account` of cowherd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_default_service_account: Option<String>,
    /// The account that decrypts for tenants that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_default_decryption_service_account: Option<String>,
    /// The account that other clusters are reached with, for tenants that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_default_kube_config_service_account: Option<String>,
    /// Whether objects' accounts authenticate with a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_level_workload_identity: Option<bool>,
    /// Whether the controllers are shielded by a NetworkPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub network_policy: Option<bool>,
    /// Whose Kubernetes it is.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "kubernetes", "enum" = ["kubernetes", "openshift", "aws", "azure", "gcp"]))]
    pub type_: Option<String>,
    /// How much the controllers may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["small", "medium", "large"]))]
    pub size: Option<String>,
}

/// How the work is shared among controllers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sharding {
    /// The label that says whose an object is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "sharding.fluxcd.io/key"))]
    pub key: Option<String>,
    /// The shards.
    #[schemars(length(min = 1))]
    pub shards: Vec<String>,
    /// How they keep artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ephemeral", "persistent"]))]
    pub storage: Option<String>,
}

/// Where artifacts would be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Storage {
    /// The StorageClass.
    pub class: String,
    /// How much room there is.
    pub size: String,
}

/// Patches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kustomize {
    /// The patches, as kustomize has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_objects")]
    pub patches: Vec<Value>,
}

/// What is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// The name of the source and the Kustomization: that of the namespace, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub name: Option<String>,
    /// How often it is looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "1m"))]
    pub interval: Option<crate::Duration>,
    /// The kind of the source.
    #[schemars(extend("enum" = ["OCIRepository", "GitRepository", "Bucket"]))]
    pub kind: String,
    /// Its address.
    pub url: String,
    /// The name of a reference of Git, the tag of an artifact, or the name of a bucket.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The directory.
    pub path: String,
    /// The Secret with credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// Who authenticates otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["generic", "aws", "azure", "gcp", "github"]))]
    pub provider: Option<String>,
}

/// The image of a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentImage {
    /// The controller.
    pub name: String,
    /// The repository of its image.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What was last observed of a FluxInstance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxInstanceStatus {
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The last request for a new installation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,
    /// Beyond the Flux Operator: the generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the FluxInstance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The version and the digest of what was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The same of what was last applied with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// The digest of the artifact with the manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_artifact_revision: Option<String>,
    /// The controllers, which are parts of cowherd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentImage>,
    /// The objects that were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ResourceInventory>,
    /// The last reconciliations, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
}
