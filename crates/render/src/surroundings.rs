//! What a render may turn to besides its tree, and what came of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::{ChartRenderer, NoCharts};
use crate::remote::{NoRemotes, RemoteSource, Remotes};
use crate::unrendered::Unrendered;

/// What a render may turn to besides its tree.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Repositories, files and charts elsewhere.
    pub remotes: &'a dyn Remotes,
    /// Helm.
    pub charts: &'a dyn ChartRenderer,
}

impl Default for Surroundings<'_> {
    /// Nothing is elsewhere, and no chart is rendered.
    fn default() -> Self {
        Self { remotes: &NoRemotes, charts: &NoCharts }
    }
}

/// What came of a render.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects, in kustomize's order.
    pub objects: Vec<Value>,
    /// What was used from elsewhere, with its revision. The objects depend on these as on what was read from the tree.
    pub remotes: BTreeMap<RemoteSource, String>,
    /// What a person should know: fields that will go away, variables that nothing uses.
    pub warnings: Vec<String>,
    /// The files beside the manifests of a directory without a kustomization that only other programs make some of.
    pub unrendered: Vec<Unrendered>,
}
