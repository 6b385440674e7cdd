//! Manifests and indexes: what the pieces of an artifact are, and where.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Digest;
use crate::web::WebProblem;

/// What is understood of what a tag can name.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                                   application/vnd.docker.distribution.manifest.v2+json, \
                                   application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, or an index of manifests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// A piece of content.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    /// What is said that the whole is which it names.
    #[serde(default)]
    artifact_type: Option<String>,
    digest: String,
    size: u64,
    /// For what an image of an index was made.
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// For what an image was made.
#[derive(Clone, Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

impl Descriptor {
    /// The digest of the content, of which `url` speaks.
    pub(crate) fn digest(&self, url: &str) -> Result<Digest, WebProblem> {
        self.digest.parse().map_err(|cause| WebProblem::Protocol { url: url.to_owned(), cause })
    }

    /// The length of the content in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// What is said of the content under this name.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether it may name a whole whose type begins so: not every registry says the type.
    pub(crate) fn may_be(&self, prefix: &str) -> bool {
        self.artifact_type.as_deref().is_none_or(|kind| kind.is_empty() || kind.starts_with(prefix))
    }

    /// Whether it was made for Linux on amd64, or for nothing in particular.
    pub(crate) fn is_default_platform(&self) -> bool {
        let is_default = |platform: &Platform| platform.os == "linux" && platform.architecture == "amd64";
        self.platform.as_ref().is_none_or(is_default)
    }
}

impl Manifest {
    /// Reads what came from `url`.
    pub(crate) fn parse(content: &[u8], url: &str) -> Result<Self, WebProblem> {
        serde_json::from_slice(content).map_err(|error| WebProblem::Protocol {
            url: url.to_owned(),
            cause: format!("its manifest cannot be read: {error}"),
        })
    }

    /// Whether this is an index.
    pub(crate) fn is_index(&self) -> bool {
        self.config.is_none() && !self.manifests.is_empty()
    }

    /// What its configuration is: that says what the whole is.
    pub(crate) fn config_type(&self) -> Option<&str> {
        self.config.as_ref().map(|config| config.media_type.as_str())
    }

    /// What it says of itself.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&String, &String)> {
        self.annotations.iter().flatten()
    }
}
