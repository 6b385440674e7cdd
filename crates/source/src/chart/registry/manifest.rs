//! The manifest of a chart: what its pieces are and where.

use serde::Deserialize;

use crate::chart::{ChartProblem, Digest};

/// What a chart's manifest can be.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                                   application/vnd.docker.distribution.manifest.v2+json";

/// The configuration that makes a chart of an image: its Chart.yaml as JSON.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// The archive, as it is called today and as it was once.
const LAYERS: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// Where the version of the chart may be written down.
const VERSION: &str = "org.opencontainers.image.version";

/// How many manifests of an index are looked at.
const MAX_MANIFESTS: usize = 8;

/// A manifest, or an index of manifests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// A piece of content.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
}

impl Descriptor {
    /// The digest of the content.
    pub(super) fn digest(&self, url: &str) -> Result<Digest, ChartProblem> {
        self.digest.parse().map_err(|cause| ChartProblem::Protocol { url: url.to_owned(), cause })
    }

    /// The length of the content in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

impl Manifest {
    /// Reads what came from `url`.
    pub(super) fn parse(content: &[u8], url: &str) -> Result<Self, ChartProblem> {
        serde_json::from_slice(content).map_err(|error| ChartProblem::Protocol {
            url: url.to_owned(),
            cause: format!("its manifest cannot be read: {error}"),
        })
    }

    /// The manifests that an index names; none for a manifest.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().take(MAX_MANIFESTS)
    }

    /// Whether this is an index.
    pub(super) fn is_index(&self) -> bool {
        self.config.is_none() && !self.manifests.is_empty()
    }

    /// Whether this is the manifest of a chart.
    pub(super) fn is_chart(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config.media_type == CONFIG)
    }

    /// The archive with the chart.
    pub(super) fn layer(&self, url: &str) -> Result<&Descriptor, ChartProblem> {
        let problem = |cause: &str| ChartProblem::Protocol { url: url.to_owned(), cause: cause.to_owned() };
        if !self.is_chart() {
            return Err(problem("what is there is no chart; push it with `helm push`"));
        }
        let layer = self.layers.iter().find(|layer| LAYERS.contains(&layer.media_type.as_str()));
        layer.ok_or_else(|| problem("the chart has no layer with its archive"))
    }

    /// The version of the chart, if it is written down.
    pub(super) fn version(&self) -> Option<&str> {
        self.annotations.get(VERSION).map(String::as_str)
    }
}
