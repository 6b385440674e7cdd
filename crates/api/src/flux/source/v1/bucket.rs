//! Buckets.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, ValidationRule};
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::flux::LocalObjectReference;
use crate::{Condition, Duration};

/// What fields have to agree on, in the words of CEL, and what is said where they do not.
const RULES: &[(&str, &str)] = &[
    (
        "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
        "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
    ),
    (
        "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
        "'aws' is the only supported STS provider for the 'aws' Bucket provider",
    ),
    (
        "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
        "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
    ),
    (
        "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
        "spec.sts.secretRef is not required for the 'aws' STS provider",
    ),
    (
        "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
        "spec.sts.certSecretRef is not required for the 'aws' STS provider",
    ),
    (
        "self.provider != 'generic' || !has(self.serviceAccountName)",
        "ServiceAccountName is not supported for the 'generic' Bucket provider",
    ),
    (
        "!has(self.secretRef) || !has(self.serviceAccountName)",
        "cannot set both .spec.secretRef and .spec.serviceAccountName",
    ),
];

/// The definition of [`Bucket`], also under the version that many repositories still write.
pub fn bucket_crd() -> CustomResourceDefinition {
    let mut crd = crate::flux::with_version(Bucket::crd(), "v1beta2");
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for spec in schemas.filter_map(|schema| schema.properties.as_mut()?.get_mut("spec")) {
        let rule = |(rule, message): &(&str, &str)| ValidationRule {
            rule: (*rule).to_owned(),
            message: Some((*message).to_owned()),
            ..Default::default()
        };
        spec.x_kubernetes_validations = Some(RULES.iter().map(rule).collect());
    }
    crd
}

/// A bucket of object storage, whose objects are followed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "Bucket",
    plural = "buckets",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources",
    namespaced,
    status = "BucketStatus",
    derive = "PartialEq",
    doc = "A bucket of object storage, fetched at an interval.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"Endpoint","type":"string","jsonPath":".spec.endpoint"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct BucketSpec {
    /// Whose storage it is, and who authenticates: generic (the default), which is any that speaks S3, aws, gcp or azure.
    #[serde(default = "default_provider", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["generic", "aws", "gcp", "azure"]))]
    pub provider: Option<String>,
    /// The name of the bucket.
    pub bucket_name: String,
    /// The server that the bucket is on: `HOST` or `HOST:PORT`.
    pub endpoint: String,
    /// A service that gives credentials for some time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts: Option<BucketSTSSpec>,
    /// Whether the server is asked without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// The region that the bucket is in; without it, what the server says counts, or `us-east-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the keys of the objects begin with that are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The Secret with the credentials, `accesskey` and `secretkey`; without it the bucket has to be everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The ServiceAccount that authenticates with a cloud provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the certificates: `ca.crt` of the server's authority, `tls.crt` and `tls.key` that are shown to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` and `password` if it wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How often the bucket is looked at.
    pub interval: Duration,
    /// How long it may take to list the objects, and then to fetch them: 60s by default.
    #[serde(default = "default_timeout", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"))]
    pub timeout: Option<Duration>,
    /// Patterns, as in .gitignore, of the objects that are left out; they go before those of the object `.sourceignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
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

/// A service that gives credentials for some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketSTSSpec {
    /// Which service it is: aws or ldap.
    #[schemars(extend("enum" = ["aws", "ldap"]))]
    pub provider: String,
    /// Where it is: an http or https URL.
    #[schemars(regex(pattern = r"^(http|https)://.*$"))]
    pub endpoint: String,
    /// The Secret with `username` and `password`, for ldap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the certificates, for ldap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
}

/// What was last observed of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketStatus {
    /// The generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the bucket.
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
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_as_flux_documents_it_is_read_whole() {
        let bucket: Bucket = serde_json::from_value(serde_json::json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "Bucket",
            "metadata": { "name": "minio-bucket", "namespace": "default" },
            "spec": { "interval": "5m0s", "endpoint": "minio.example.com", "insecure": true, "bucketName": "example",
                "secretRef": { "name": "minio-bucket-secret" }, "sts": { "provider": "ldap", "endpoint": "https://sts" } },
        }))
        .unwrap();
        assert_eq!(bucket.spec.bucket_name, "example");
        assert_eq!(bucket.spec.provider.as_deref(), Some("generic"));
        assert_eq!(bucket.spec.sts.unwrap().provider, "ldap");
    }

    #[test]
    fn the_schema_says_what_flux_says_in_both_versions() {
        let crd = serde_json::to_value(bucket_crd()).unwrap();
        let versions = crd["spec"]["versions"].as_array().unwrap();
        assert_eq!((&versions[0]["name"], &versions[0]["storage"]), (&"v1".into(), &true.into()));
        assert_eq!((&versions[1]["name"], &versions[1]["storage"]), (&"v1beta2".into(), &false.into()));
        for version in versions {
            let schema = &version["schema"]["openAPIV3Schema"];
            let spec = &schema["properties"]["spec"];
            assert_eq!(spec["required"], serde_json::json!(["bucketName", "endpoint", "interval"]));
            assert_eq!(spec["properties"]["provider"]["default"], "generic");
            assert_eq!(spec["properties"]["timeout"]["default"], "60s");
            assert_eq!(spec["properties"]["sts"]["required"], serde_json::json!(["endpoint", "provider"]));
            assert_eq!(spec["x-kubernetes-validations"].as_array().unwrap().len(), RULES.len());
            assert_eq!(schema["properties"]["status"]["default"]["observedGeneration"], -1);
        }
    }
}
