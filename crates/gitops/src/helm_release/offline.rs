//! What a HelmRelease makes of a chart among the files of a repository where there is no cluster to ask: for whoever reviews that.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::helm::v2::{HelmRelease, HelmReleaseSpec, ValuesReference};
use cowherd_api::flux::source::v1::HelmChart;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, Unmasked};
use cowherd_helm::chart::{Limits, load_unpacked};
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Capabilities, Release, Request, dependencies, render};
use cowherd_render::Helm;
use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

use super::names::{self, Names};
use super::post_render::PostRender;
use super::{chart_template, manifests, owner, values};
use crate::owner::{Owner, Owning};
use crate::source::helm_chart;

/// A HelmRelease, and the HelmChart that it is of.
pub struct ReleasePlan {
    owner: Owner,
    spec: HelmReleaseSpec,
    chart: HelmChart,
}

/// What a release consists of.
pub struct Released {
    /// The definitions below `crds/` of the chart, as far as they are applied.
    pub definitions: Vec<Manifest>,
    /// The objects, hooks among them, each with the template that it comes from, whose path begins with the chart's name.
    pub objects: Vec<(String, Manifest)>,
    /// The namespace of those that name none.
    pub namespace: String,
    /// What of them must not be shown.
    pub mask: Mask,
}

impl ReleasePlan {
    /// What a HelmRelease asks for: of a HelmChart, or of the chart that it describes itself. `None` where neither can be read.
    pub fn read(release: &Value, chart: Option<&Value>) -> Option<Self> {
        let release: HelmRelease = serde_json::from_value(release.clone()).ok()?;
        let (owner, _) = release.read(None);
        let spec = owner::spec(&owner);
        let described = || {
            let name = names::chart(&owner.name, &spec)?;
            Some(chart_template::object(&owner, &spec, &name, spec.chart.as_ref()?))
        };
        let chart = serde_json::from_value(chart.cloned().or_else(described)?).ok()?;
        Some(Self { owner, spec: (*spec).clone(), chart })
    }

    /// Where values come from besides the spec.
    pub fn values_from(&self) -> &[ValuesReference] {
        &self.spec.values_from
    }

    /// The release, made of a chart in `tree`, with what each of [`values_from`](Self::values_from) leads to, on a cluster that serves
    /// these API versions besides those of Kubernetes. Blocks the thread.
    ///
    /// # Errors
    /// What is wrong with the chart or the values, in words.
    pub fn make(
        &self,
        tree: Arc<dyn Tree>,
        held: Vec<Option<BTreeMap<String, Vec<u8>>>>,
        api_versions: &[String],
        helm: &Helm,
    ) -> Result<Released, String> {
        let files = helm_chart::chart_in(&self.chart, tree)?;
        let limits = Limits::default();
        let chart = load_unpacked(files.as_ref(), &TreePath::root(), &limits).map_err(|error| error.to_string())?;
        let composed = values::merged(&self.owner.name.namespace, &self.spec, held);
        let values::Values { values, mask, .. } = composed.map_err(|error| error.to_string())?;
        let names = Names::of(&self.owner.name, &self.spec);
        let install = self.spec.install.clone().unwrap_or_default();
        let mut used = chart.clone();
        let definitions = match install.crds.as_deref() {
            Some("Skip") => Vec::new(),
            _ => {
                dependencies::process(&mut used, &values).map_err(|error| mask.text(&error.to_string()))?;
                let texts = used.custom_resources().into_iter().map(|file| String::from_utf8_lossy(file.data));
                let read: Result<Vec<_>, Unmasked> = texts.map(|text| manifests::read(&text)).collect();
                let read = read.map_err(|error| error.told(&mask))?;
                read.into_iter().flatten().filter(|one| one.id().kind == "CustomResourceDefinition").collect()
            }
        };
        let request = Request {
            release: Release { name: names.release.clone(), namespace: names.namespace.clone(), ..Release::default() },
            values,
            capabilities: Capabilities::offline(None, api_versions),
            skip_schema_validation: install.disable_schema_validation == Some(true),
            ..Request::default()
        };
        let mut engine = GoTemplates::new(helm.time, &helm.seed);
        let mut output = render(chart, &request, &mut engine).map_err(|error| mask.text(&error.to_string()))?;
        PostRender::of(&self.owner.name, &self.spec).run(&mut output).map_err(|error| mask.text(&error))?;
        let hooks = output.hooks.iter().filter(|hook| !hook.is_test());
        let hooks = hooks.map(|hook| (hook.path.as_str(), hook.content.as_str()));
        let files =
            output.manifests.iter().map(|manifest| (manifest.path.as_str(), manifest.content.as_str())).chain(hooks);
        let mut objects = Vec::new();
        for (path, content) in files {
            let read = manifests::read(content).map_err(|error| format!("{path}: {}", error.told(&mask)))?;
            objects.extend(read.into_iter().map(|object| (path.to_owned(), object)));
        }
        Ok(Released { definitions, objects, namespace: names.namespace, mask })
    }
}
