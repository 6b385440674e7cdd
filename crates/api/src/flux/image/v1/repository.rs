//! ImageRepositories.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::LocalObjectReference;
use crate::flux::source::v1::AccessFrom;
use crate::{Condition, Duration};

/// What is left out of the tags where nothing is said of that: the signatures of cosign.
const EXCLUDED: &str = r"^.*\.sig$";

/// The definition of [`ImageRepository`], also under the version that many repositories still write.
pub fn image_repository_crd() -> CustomResourceDefinition {
    crate::flux::with_version(ImageRepository::crd(), "v1beta2")
}

/// An image whose tags are looked at.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "image.toolkit.fluxcd.io",
    version = "v1",
    kind = "ImageRepository",
    plural = "imagerepositories",
    shortname = "imgrepo",
    shortname = "imagerepo",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-images",
    namespaced,
    status = "ImageRepositoryStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "An image whose tags are looked at, at an interval.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Image","type":"string","jsonPath":".spec.image"}"#,
    printcolumn = r#"{"name":"Tags","type":"string","jsonPath":".status.lastScanResult.tagCount"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"Last scan","type":"string","jsonPath":".status.lastScanResult.scanTime","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ImageRepositorySpec {
    /// The image, without a tag: `ghcr.io/org/app`.
    pub image: String,
    /// How often the registry is asked.
    pub interval: Duration,
    /// How long the registry may take: as long as the interval by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"))]
    pub timeout: Option<Duration>,
    /// The Secret with the credentials, of the type kubernetes.io/dockerconfigjson.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` and `password` if it wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// The ServiceAccount whose imagePullSecrets are used too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// The Secret with the certificates: `ca.crt` of the registry's authority, `tls.crt` and `tls.key` that are shown to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Stops the scans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// The namespaces whose ImagePolicies may refer to it, beside its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Regular expressions of tags that do not count.
    #[serde(default = "default_exclusions", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 25))]
    pub exclusion_list: Option<Vec<String>>,
    /// Who authenticates: generic (the default), aws, azure or gcp.
    #[serde(default = "default_provider", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["generic", "aws", "azure", "gcp"]))]
    pub provider: Option<String>,
    /// Whether the registry is asked without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
}

fn default_exclusions() -> Option<Vec<String>> {
    Some(vec![EXCLUDED.to_owned()])
}

fn default_provider() -> Option<String> {
    Some("generic".to_owned())
}

impl ImageRepositorySpec {
    /// The regular expressions of tags that do not count.
    pub fn exclusions(&self) -> Vec<String> {
        let given = self.exclusion_list.clone().filter(|list| !list.is_empty());
        given.unwrap_or_else(|| vec![EXCLUDED.to_owned()])
    }
}

/// What was last observed of an ImageRepository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRepositoryStatus {
    /// The conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The generation that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The whole name of the image: `index.docker.io/library/alpine` for `alpine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_image_name: Option<String>,
    /// What the last scan found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<ScanResult>,
    /// The regular expressions of tags that did not count in the last scan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_exclusion_list: Vec<String>,
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanResult {
    /// A checksum of all tags.
    #[serde(default)]
    pub revision: String,
    /// How many tags there are.
    pub tag_count: i64,
    /// When it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub scan_time: Option<String>,
    /// The last ten tags by the alphabet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latest_tags: Vec<String>,
}
