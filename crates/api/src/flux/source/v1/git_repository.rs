//! GitRepositories.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::flux::LocalObjectReference;
use crate::{Condition, Duration};

/// The definition of [`GitRepository`].
pub fn git_repository_crd() -> CustomResourceDefinition {
    crate::flux::with_version(GitRepository::crd(), "v1beta2")
}

/// A Git repository, and the reference in it that is followed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "GitRepository",
    plural = "gitrepositories",
    shortname = "gitrepo",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources",
    namespaced,
    status = "GitRepositoryStatus",
    derive = "PartialEq",
    doc = "A Git repository, fetched at an interval.",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn = r#"{"name":"URL","type":"string","jsonPath":".spec.url"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositorySpec {
    /// Where the repository is: an http, https or ssh URL, or, beyond Flux, a file URL of a local repository.
    #[schemars(regex(pattern = r"^(http|https|ssh|file)://.*$"))]
    pub url: String,
    /// The Secret with the credentials: `username` and `password` or `bearerToken` for https, optionally with
    /// `ca.crt`; `identity` and `known_hosts` for ssh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Who authenticates: generic (the default), aws, azure or github, where the Secret is that of an app: `githubAppID`,
    /// `githubAppPrivateKey`, `githubAppInstallationID` or `githubAppInstallationOwner`, and `githubAppBaseURL` where it is not github.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["generic", "aws", "azure", "github"]))]
    pub provider: Option<String>,
    /// The ServiceAccount that authenticates with a cloud provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// How often the repository is looked at.
    pub interval: Duration,
    /// How long Git may take: 60s by default.
    #[serde(default = "default_timeout", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"))]
    pub timeout: Option<Duration>,
    /// The reference to follow: the branch `master` by default.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRepositoryRef>,
    /// Which signatures are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitRepositoryVerification>,
    /// The Secret with the proxy to use, over http and https: `address`, and `username` with `password` where it wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// Patterns, as in .gitignore, of the files that are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Stops the reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Whether submodules are fetched too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurse_submodules: Option<bool>,
    /// Other repositories whose content is put into this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<GitRepositoryInclude>>,
    /// The directories to fetch; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_checkout: Option<Vec<String>>,
}

fn default_timeout() -> Option<Duration> {
    Some(Duration::new("60s"))
}

/// The reference of a repository that is followed. Of several fields the first of commit, name, semver, tag and
/// branch counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitRepositoryRef {
    /// A branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A tag; takes precedence over the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A range of versions, of which the tag with the highest is taken; takes precedence over the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A full name, like refs/pull/1/head; takes precedence over branch, tag and semver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A commit; takes precedence over everything else, and may be combined with the branch that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Which signatures of a repository are verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryVerification {
    /// What must be signed: the commit (HEAD, the default), the annotated tag that is followed (Tag), or both (TagAndHEAD).
    #[serde(default = "default_verification", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["head", "HEAD", "Tag", "TagAndHEAD"]))]
    pub mode: Option<String>,
    /// The Secret with the public keys of those who may sign: those of OpenPGP under names that end with `.asc`, those of SSH under
    /// names that end with `.sshpub`.
    pub secret_ref: LocalObjectReference,
}

fn default_verification() -> Option<String> {
    Some("HEAD".to_owned())
}

/// Content of another repository, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryInclude {
    /// The other repository.
    pub repository: LocalObjectReference,
    /// The path in the other repository; its root by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// The path in this repository; the name of the other by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_path: Option<String>,
}

/// What was last observed of a Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositoryStatus {
    /// The generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The content that was last fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The content of included repositories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included_artifacts: Vec<Artifact>,
    /// The patterns that the artifact was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// Whether the artifact was made with submodules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_recurse_submodules: Option<bool>,
    /// The inclusions that the artifact was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_include: Vec<GitRepositoryInclude>,
    /// The directories that the artifact was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed_sparse_checkout: Vec<String>,
    /// What was last verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_verification_mode: Option<String>,
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_as_flux_documents_it_is_read_whole() {
        let repository: GitRepository = serde_json::from_value(serde_json::json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "podinfo", "namespace": "default" },
            "spec": { "interval": "5m0s", "url": "https://example.org/podinfo", "ref": { "semver": ">=1.0.0" } },
        }))
        .unwrap();
        assert_eq!(repository.spec.reference.unwrap().semver.as_deref(), Some(">=1.0.0"));
        assert_eq!(repository.spec.timeout, Some(Duration::new("60s")));
    }

    #[test]
    fn the_schema_says_what_flux_says() {
        let crd = serde_json::to_value(git_repository_crd()).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let spec = &schema["properties"]["spec"];
        assert_eq!(spec["required"], serde_json::json!(["interval", "url"]));
        assert_eq!(spec["properties"]["timeout"]["default"], "60s");
        assert_eq!(spec["properties"]["timeout"]["type"], "string");
        assert_eq!(spec["properties"]["interval"]["pattern"], r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$");
        assert_eq!(schema["properties"]["status"]["default"]["observedGeneration"], -1);
        assert_eq!(crd["spec"]["names"]["shortNames"], serde_json::json!(["gitrepo"]));
    }
}
