//! OCIRepositories.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::flux::LocalObjectReference;
use crate::{Condition, Duration};

/// The definition of [`OCIRepository`], also under the version that many repositories still write.
pub fn oci_repository_crd() -> CustomResourceDefinition {
    crate::flux::with_version(OCIRepository::crd(), "v1beta2")
}

/// An artifact in an OCI registry, and the reference that is followed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "OCIRepository",
    plural = "ocirepositories",
    shortname = "ocirepo",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources",
    namespaced,
    status = "OCIRepositoryStatus",
    derive = "PartialEq",
    doc = "An artifact in an OCI registry, fetched at an interval.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"URL","type":"string","jsonPath":".spec.url"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositorySpec {
    /// Where the artifacts are: `oci://HOST/PATH`, without tag and digest.
    #[schemars(regex(pattern = r"^oci://.*$"))]
    pub url: String,
    /// The artifact to follow: the tag `latest` by default.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<OCIRepositoryRef>,
    /// Which layer of the artifact is taken: the first by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_selector: Option<OCIRepositoryLayerSelector>,
    /// Who authenticates: generic (the default), aws, azure or gcp.
    #[serde(default = "default_provider", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["generic", "aws", "azure", "gcp"]))]
    pub provider: Option<String>,
    /// The Secret with the credentials, of the type kubernetes.io/dockerconfigjson.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Which signatures are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<OCIRepositoryVerification>,
    /// The ServiceAccount whose imagePullSecrets are used too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the certificates: `ca.crt` of the registry's authority, `tls.crt` and `tls.key` that are shown to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` and `password` if it wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How often the registry is asked.
    pub interval: Duration,
    /// How long the registry may take: 60s by default.
    #[serde(default = "default_timeout", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"))]
    pub timeout: Option<Duration>,
    /// Patterns, as in .gitignore, of the files that are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Whether the registry is asked without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// Stops the reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

fn default_provider() -> Option<String> {
    Some("generic".to_owned())
}

fn default_timeout() -> Option<Duration> {
    Some(Duration::new("60s"))
}

/// The artifact of a repository that is followed. Of several fields the first of digest, semver and tag counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryRef {
    /// A digest, as `sha256:` and 64 hexadecimal digits; takes precedence over semver and tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// A range of versions, of which the tag with the highest is taken; takes precedence over the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A regular expression of the tags that count for semver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver_filter: Option<String>,
    /// A tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Which layer of an artifact is taken, and what is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryLayerSelector {
    /// The media type; the first layer that has it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whether the layer is extracted, without the files that are left out (extract, the default), or taken as it is (copy).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["extract", "copy"]))]
    pub operation: Option<String>,
}

/// Which signatures of an artifact are verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryVerification {
    /// By what the artifact is signed: cosign (the default) or notation.
    #[serde(default = "default_verification")]
    #[schemars(extend("enum" = ["cosign", "notation"]))]
    pub provider: String,
    /// The Secret with the public keys of those who may sign, each under a name that ends with `.pub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Who may sign without a key.
    #[serde(default, rename = "matchOIDCIdentity", skip_serializing_if = "Option::is_none")]
    pub match_oidc_identity: Option<Vec<OidcIdentityMatch>>,
    /// The Secret with the roots of trust of a Sigstore of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_root_secret_ref: Option<LocalObjectReference>,
}

fn default_verification() -> String {
    "cosign".to_owned()
}

/// Who may sign without a key: regular expressions of what their certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcIdentityMatch {
    /// Who vouches for them.
    pub issuer: String,
    /// Who they are.
    pub subject: String,
}

/// What was last observed of an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OCIRepositoryStatus {
    /// The generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Where the last artifact is to be had; Flux writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The content that was last fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The patterns that the artifact was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// The layer that the artifact was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_layer_selector: Option<OCIRepositoryLayerSelector>,
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_as_flux_documents_it_is_read_whole() {
        let repository: OCIRepository = serde_json::from_value(serde_json::json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": { "name": "podinfo", "namespace": "default" },
            "spec": { "interval": "5m0s", "url": "oci://ghcr.io/stefanprodan/manifests/podinfo",
                "ref": { "semver": ">=6.0.0", "semverFilter": ".*-rc.*" }, "verify": { "secretRef": { "name": "keys" } } },
        }))
        .unwrap();
        assert_eq!(repository.spec.reference.unwrap().semver_filter.as_deref(), Some(".*-rc.*"));
        assert_eq!(repository.spec.verify.unwrap().provider, "cosign");
    }

    #[test]
    fn the_schema_says_what_flux_says_in_both_versions() {
        let crd = serde_json::to_value(oci_repository_crd()).unwrap();
        let versions = crd["spec"]["versions"].as_array().unwrap();
        assert_eq!((&versions[0]["name"], &versions[0]["storage"]), (&"v1".into(), &true.into()));
        assert_eq!((&versions[1]["name"], &versions[1]["storage"]), (&"v1beta2".into(), &false.into()));
        assert_eq!(versions[1]["deprecated"], true);
        for version in versions {
            let schema = &version["schema"]["openAPIV3Schema"];
            let spec = &schema["properties"]["spec"];
            assert_eq!(spec["required"], serde_json::json!(["interval", "url"]));
            assert_eq!(spec["properties"]["provider"]["default"], "generic");
            assert_eq!(spec["properties"]["url"]["pattern"], "^oci://.*$");
            let verify = &spec["properties"]["verify"]["properties"];
            assert_eq!(verify["matchOIDCIdentity"]["items"]["required"], serde_json::json!(["issuer", "subject"]));
            assert_eq!(schema["properties"]["status"]["default"]["observedGeneration"], -1);
        }
        assert_eq!(crd["spec"]["names"]["shortNames"], serde_json::json!(["ocirepo"]));
    }
}
