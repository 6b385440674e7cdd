//! From a chart to what `helm template` prints.

use std::collections::BTreeMap;

use cowherd_template::Text;
use cowherd_tree::{Tree, TreePath};
use serde_json::{Map, Value};

use crate::chart::{self, Chart};
use crate::release::{self, Hook, Manifest, ManifestError, Release, Sorted};
use crate::scope::TemplateSet;
use crate::{Capabilities, Error, dependencies, schema, values};

/// The most bytes that all rendered files may have together.
const MAX_OUTPUT: usize = 256 * 1024 * 1024;

/// The file whose text is shown to who installs a chart.
const NOTES: &str = "NOTES.txt";

/// Executes templates.
pub trait Engine {
    /// Why templates could not be executed.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// The names and texts of all templates of `set` that are no partials, executed.
    fn render(&mut self, set: &TemplateSet<'_>) -> Result<Vec<(String, Text)>, Self::Error>;
}

/// What is rendered, and for whom.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The release.
    pub release: Release,
    /// The release's own values; see [`values::Sources`].
    pub values: Map<String, Value>,
    /// What the cluster is capable of.
    pub capabilities: Capabilities,
    /// Whether schemas are left out of account.
    pub skip_schema_validation: bool,
    /// Whether the notes of subcharts are shown too.
    pub sub_notes: bool,
    /// The limits on the chart.
    pub limits: chart::Limits,
}

/// What of the result is shown.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--include-crds`: the files below `crds/` come first.
    pub include_crds: bool,
    /// `--no-hooks`: hooks are left out.
    pub no_hooks: bool,
    /// `--skip-tests`: hooks that are tests are left out.
    pub skip_tests: bool,
    /// `--show-only`: patterns for paths of templates, without the name of the chart. Empty shows all.
    pub show_only: Vec<String>,
}

impl Selection {
    fn leaves_out(&self, hook: &Hook) -> bool {
        self.no_hooks || (self.skip_tests && hook.is_test())
    }
}

/// What a chart renders to.
#[derive(Debug, Clone)]
pub struct Output {
    /// The chart with the dependencies that are used.
    pub chart: Chart,
    /// Manifests that are hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The other manifests, by kind.
    pub manifests: Vec<Manifest>,
    /// `NOTES.txt`, rendered.
    pub notes: String,
}

impl Output {
    /// What `helm template` prints.
    pub fn text(&self, selection: &Selection) -> Result<String, Error> {
        let resources = if selection.include_crds { self.chart.custom_resources() } else { Vec::new() };
        for resource in &resources {
            if std::str::from_utf8(resource.data).is_err() {
                return Err(ManifestError::no_text(resource.path.clone(), resource.data).into());
            }
        }
        let hooks: Vec<&Hook> = self.hooks.iter().filter(|hook| !selection.leaves_out(hook)).collect();
        let text = release::print(&resources, &self.manifests, &hooks);
        if selection.show_only.is_empty() {
            return Ok(text);
        }
        Ok(release::show_only(&text, &selection.show_only)?)
    }
}

/// Renders the chart at `path` of `tree`, a directory or an archive.
pub fn template<E: Engine>(
    tree: &dyn Tree,
    path: &TreePath,
    request: &Request,
    engine: &mut E,
) -> Result<Output, Error> {
    render(chart::load(tree, path, &request.limits)?, request, engine)
}

/// Renders `chart`.
pub fn render<E: Engine>(mut chart: Chart, request: &Request, engine: &mut E) -> Result<Output, Error> {
    check_installable(&chart)?;
    dependencies::check(&chart)?;
    release::check_name(&request.release.name)?;
    dependencies::process(&mut chart, &request.values).map_err(Error::DependencyValues)?;
    let values = values::coalesce(&chart, &request.values).map_err(Error::Values)?;
    if !request.skip_schema_validation {
        schema::validate(&chart, &values)?;
    }
    check_kube_version(&chart, &request.capabilities)?;
    let set = TemplateSet::new(&chart, &values, &request.release, &request.capabilities);
    let rendered = engine.render(&set).map_err(|error| Error::Engine(error.into()))?;
    let mut files = bounded(rendered)?;
    let notes = take_notes(&mut files, chart.name(), request.sub_notes);
    let Sorted { hooks, manifests } = release::sort_manifests(&files, &request.limits.yaml)?;
    Ok(Output { chart, hooks, manifests, notes })
}

fn check_installable(chart: &Chart) -> Result<(), Error> {
    match chart.metadata.chart_type.as_str() {
        "" | "application" => Ok(()),
        other => Err(Error::NotInstallable(other.to_owned())),
    }
}

fn check_kube_version(chart: &Chart, capabilities: &Capabilities) -> Result<(), Error> {
    let required = &chart.metadata.kube_version;
    if required.is_empty() || cowherd_version::is_compatible(required, &capabilities.kube_version.normalized) {
        return Ok(());
    }
    Err(Error::KubeVersion { required: required.clone(), capabilities: Box::new(capabilities.clone()) })
}

/// The files by name, if they are texts and not too large together. Of notes what is no text is replaced.
fn bounded(files: Vec<(String, Text)>) -> Result<BTreeMap<String, String>, Error> {
    let mut size = 0usize;
    let mut bounded = BTreeMap::new();
    for (path, content) in files {
        size = size.saturating_add(content.len());
        if size > MAX_OUTPUT {
            return Err(Error::OutputTooLarge { path, limit: MAX_OUTPUT });
        }
        match content.as_utf8() {
            None if !path.ends_with(NOTES) => return Err(ManifestError::no_text(path, content.as_bytes()).into()),
            _ => bounded.insert(path, content.to_str().into_owned()),
        };
    }
    Ok(bounded)
}

/// Takes the notes out of `files`: those of the root chart, and of its subcharts where they are wanted.
fn take_notes(files: &mut BTreeMap<String, String>, chart: &str, sub_notes: bool) -> String {
    let root = format!("{chart}/templates/{NOTES}");
    let mut notes = String::new();
    files.retain(|path, content| {
        if !path.ends_with(NOTES) {
            return true;
        }
        if sub_notes || *path == root {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(content);
        }
        false
    });
    notes
}
