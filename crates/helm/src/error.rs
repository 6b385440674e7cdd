//! Why a chart could not be rendered.

use crate::capabilities::Capabilities;
use crate::chart::LoadError;
use crate::dependencies::MissingDependencies;
use crate::release::{ManifestError, NameError, ShowOnlyError};
use crate::schema::SchemaError;
use crate::values::CoalesceError;

/// Why a chart could not be rendered, in Helm's words where Helm has any.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chart could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The chart is of a type that is only there for other charts.
    #[error("{0} charts are not installable")]
    NotInstallable(String),
    /// Charts that it depends on are missing.
    #[error(transparent)]
    Dependencies(#[from] MissingDependencies),
    /// The release cannot have its name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The values do not fit the chart, found while its dependencies were looked through.
    #[error("chart dependencies processing failed: {0}")]
    DependencyValues(#[source] CoalesceError),
    /// The values do not fit the chart.
    #[error(transparent)]
    Values(CoalesceError),
    /// The values do not fit the schemas of the charts.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(#[from] SchemaError),
    /// The chart is made for other versions of Kubernetes.
    #[error("chart requires kubeVersion: {required} which is incompatible with Kubernetes {}", .capabilities.kube_version.version)]
    KubeVersion {
        /// The versions that the chart works with.
        required: String,
        /// What the cluster is said to be.
        capabilities: Box<Capabilities>,
    },
    /// A template could not be executed.
    #[error("{0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What a template renders to is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A template that should be shown renders to nothing, or does not exist.
    #[error(transparent)]
    ShowOnly(#[from] ShowOnlyError),
    /// The rendered files are too large.
    #[error("the rendered files have more than {limit} bytes; {path} is one too many")]
    OutputTooLarge {
        /// The file that was one too many.
        path: String,
        /// The limit in bytes.
        limit: usize,
    },
}
