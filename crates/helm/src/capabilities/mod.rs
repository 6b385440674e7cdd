//! What the cluster is said to be capable of: `.Capabilities`.

mod api_versions;
mod kube_version;

pub use api_versions::DEFAULT_API_VERSIONS;
pub use kube_version::{KubeVersion, KubeVersionError};

/// `.Capabilities` of the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: KubeVersion,
    /// The API versions that the cluster serves, such as `apps/v1`, in the order in which they are listed.
    pub api_versions: Vec<String>,
    /// The version of Helm.
    pub helm_version: HelmVersion,
}

impl Capabilities {
    /// What `helm template` assumes without a cluster, with `kube_version` where one is given, and with
    /// `api_versions` after the known ones.
    pub fn offline(kube_version: Option<KubeVersion>, api_versions: &[String]) -> Self {
        let known = DEFAULT_API_VERSIONS.iter().map(|version| (*version).to_owned());
        Self {
            kube_version: kube_version.unwrap_or_default(),
            api_versions: known.chain(api_versions.iter().cloned()).collect(),
            helm_version: HelmVersion::default(),
        }
    }

    /// `.Capabilities.APIVersions.Has`.
    pub fn has(&self, api_version: &str) -> bool {
        self.api_versions.iter().any(|known| known == api_version)
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::offline(None, &[])
    }
}

/// `.Capabilities.HelmVersion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// The version, such as `v4.1.4`.
    pub version: String,
    /// The commit that it was built from.
    pub git_commit: String,
    /// Whether that commit was changed for the build.
    pub git_tree_state: String,
    /// The version of Go that it was built with.
    pub go_version: String,
    /// The version of Kubernetes whose client it has.
    pub kube_client_version: String,
}

impl Default for HelmVersion {
    /// The release of Helm whose results this crate gives.
    fn default() -> Self {
        Self {
            version: "v4.1.4".to_owned(),
            git_commit: "05fa37973dc9e42b76e1d2883494c87174b6074f".to_owned(),
            git_tree_state: "clean".to_owned(),
            go_version: "go1.25.9".to_owned(),
            kube_client_version: "v1.35".to_owned(),
        }
    }
}
