//! What a render needs of Helm: charts made manifests.

use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

/// How a chart is to be rendered: what kustomize tells `helm template`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartRequest {
    /// The release.
    pub release: ReleaseName,
    /// The namespace of the release; Helm's default without one.
    pub namespace: Option<String>,
    /// Values over those of the chart, later ones over earlier ones.
    pub values: Vec<Value>,
    /// Versions besides the usual ones that `.Capabilities.APIVersions` has.
    pub api_versions: Vec<String>,
    /// The version that `.Capabilities.KubeVersion` says.
    pub kube_version: Option<String>,
    /// The files in `crds/` come with the manifests.
    pub include_crds: bool,
    /// Hooks are left out.
    pub skip_hooks: bool,
    /// Tests are left out.
    pub skip_tests: bool,
}

/// What a release is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseName {
    /// By this name.
    Named(String),
    /// By what this template gives.
    Template(String),
    /// By a name that is made up; it must be the same each time, since a render is pure.
    Generated,
}

/// Renders Helm charts.
pub trait ChartRenderer: Send + Sync {
    /// The manifests of the chart in the directory `path` of `chart`, as `helm template` prints them. The error says
    /// for a person what is wrong and where, without the values of secrets.
    fn template(&self, chart: &dyn Tree, path: &TreePath, request: &ChartRequest) -> Result<String, String>;
}

/// Refuses charts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCharts;

impl ChartRenderer for NoCharts {
    fn template(&self, _: &dyn Tree, _: &TreePath, _: &ChartRequest) -> Result<String, String> {
        Err("Helm charts are not rendered here; render them beforehand and commit the result".into())
    }
}
