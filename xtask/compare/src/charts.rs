//! Charts for kustomizations, and for themselves: our Helm.

use std::error::Error;

use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Capabilities, Release, Request, Selection};
use cowherd_render::{ChartRenderer, ChartRequest, ReleaseName};
use cowherd_tree::{MemoryTree, Tree, TreePath};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Our Helm, at a time.
pub struct Charts {
    /// What charts take for the time.
    pub now: Timestamp,
}

impl Charts {
    /// What `helm template` prints for the chart at `path`.
    pub fn print(
        &self,
        tree: &dyn Tree,
        path: &TreePath,
        request: &Request,
        selection: &Selection,
    ) -> Result<String, Box<dyn Error>> {
        Ok(cowherd_helm::template(tree, path, request, &mut self.engine())?.text(selection)?)
    }

    fn engine(&self) -> GoTemplates<'static> {
        GoTemplates::new(self.now, b"comparison")
    }

    fn request(&self, path: &TreePath, asked: &ChartRequest) -> Result<Request, Box<dyn Error>> {
        let kube_version = asked.kube_version.as_deref().map(KubeVersion::parse).transpose()?;
        let defaults = Release::default();
        let release = Release {
            name: match &asked.release {
                ReleaseName::Named(name) => name.clone(),
                ReleaseName::Template(template) => self.name(template)?,
                ReleaseName::Generated => format!("{}-1", path.file_name()),
            },
            namespace: asked.namespace.clone().unwrap_or(defaults.namespace.clone()),
            ..defaults
        };
        let mut values = Map::new();
        for source in &asked.values {
            match source.clone() {
                Value::Object(source) => cowherd_helm::values::merge_maps(&mut values, source),
                Value::Null => {}
                _ => return Err("the values are no mapping".into()),
            }
        }
        let capabilities = Capabilities::offline(kube_version, &asked.api_versions);
        Ok(Request { release, values, capabilities, ..Request::default() })
    }

    /// The name that a template gives: what the notes of a chart that has nothing else say.
    fn name(&self, template: &str) -> Result<String, Box<dyn Error>> {
        let chart = "apiVersion: v2\nname: name\nversion: 1.0.0\n";
        let files = [("Chart.yaml", chart.to_owned()), ("templates/NOTES.txt", template.to_owned())];
        let tree = MemoryTree::new(files)?;
        let request = Request::default();
        Ok(cowherd_helm::template(&tree, &TreePath::root(), &request, &mut self.engine())?.notes)
    }
}

impl ChartRenderer for Charts {
    fn template(&self, chart: &dyn Tree, path: &TreePath, asked: &ChartRequest) -> Result<String, String> {
        let selection = Selection {
            include_crds: asked.include_crds,
            no_hooks: asked.skip_hooks,
            skip_tests: asked.skip_tests,
            ..Selection::default()
        };
        let request = self.request(path, asked).map_err(|error| error.to_string())?;
        self.print(chart, path, &request, &selection).map_err(|error| error.to_string())
    }
}
