//! Charts by Helm's rules, for kustomizations that inflate them.

use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Capabilities, Release, Request, Selection, values};
use cowherd_tree::{Tree, TreePath};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::chart::{ChartRenderer, ChartRequest, ReleaseName};

/// What charts are given that is not in the tree: the time, and what random functions follow from. Both stay the same
/// for as long as the output should.
#[derive(Clone, Debug, Default)]
pub struct Helm {
    /// What templates take for the time.
    pub time: Timestamp,
    /// What random functions follow from. Passwords and keys are made of it: nobody may know it.
    pub seed: Vec<u8>,
}

impl Helm {
    fn release_name(&self, name: &ReleaseName) -> Result<String, String> {
        match name {
            ReleaseName::Named(name) => Ok(name.clone()),
            ReleaseName::Generated => Ok("release-name".to_owned()),
            ReleaseName::Template(text) => self.engine().text(text).map_err(|error| error.to_string()),
        }
    }

    fn engine(&self) -> GoTemplates<'_> {
        GoTemplates::new(self.time, &self.seed)
    }
}

impl ChartRenderer for Helm {
    fn template(&self, chart: &dyn Tree, path: &TreePath, request: &ChartRequest) -> Result<String, String> {
        let kube_version = request.kube_version.as_deref().map(KubeVersion::parse).transpose();
        let kube_version = kube_version.map_err(|error| format!("invalid kube version: {error}"))?;
        let default = Release::default();
        let release = Release {
            name: self.release_name(&request.release)?,
            namespace: request.namespace.clone().unwrap_or(default.namespace.clone()),
            ..default
        };
        let request_to_helm = Request {
            release,
            values: merged(&request.values)?,
            capabilities: Capabilities::offline(kube_version, &request.api_versions),
            ..Request::default()
        };
        let selection = Selection {
            include_crds: request.include_crds,
            no_hooks: request.skip_hooks,
            skip_tests: request.skip_tests,
            show_only: Vec::new(),
        };
        let output = cowherd_helm::template(chart, path, &request_to_helm, &mut self.engine());
        output.and_then(|output| output.text(&selection)).map_err(|error| error.to_string())
    }
}

/// Values over each other, numbers as Helm reads them in a file.
fn merged(all: &[Value]) -> Result<Map<String, Value>, String> {
    let files = all.iter().enumerate().map(|(at, value)| {
        let text = serde_json::to_vec(value).map_err(|error| error.to_string())?;
        Ok((format!("values {at}"), text))
    });
    let sources = values::Sources { files: files.collect::<Result<_, String>>()?, ..values::Sources::default() };
    let nothing = |name: &str| Err(format!("{name} is not to be read"));
    sources.merge(&cowherd_yaml::Limits::default(), &nothing).map_err(|error| error.to_string())
}
