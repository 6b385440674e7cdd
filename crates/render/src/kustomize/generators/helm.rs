//! `helmCharts`: charts made objects, with the values and settings that kustomize gives to Helm.

use cowherd_tree::{EntryKind, TreePath};
use cowherd_yaml::{Dialect, parse_documents_as};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chart::{ChartRequest, ReleaseName};
use crate::error::{Cause, RenderError};
use crate::kustomize::files::directory::{Directory, Root};
use crate::kustomize::objects::resource::Resource;
use crate::manifest;
use crate::remote::RemoteSource;

/// Where charts are unless something else is said.
const CHART_HOME: &str = "charts";

/// `helmGlobals`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HelmGlobals {
    /// The directory that holds the charts.
    chart_home: String,
    /// Without effect: nothing of a machine's Helm is used.
    #[serde(rename = "configHome")]
    _config_home: String,
}

/// An entry of `helmCharts`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HelmChart {
    name: String,
    version: String,
    repo: String,
    release_name: String,
    namespace: String,
    additional_values_files: Vec<String>,
    values_file: String,
    values_inline: Map<String, Value>,
    values_merge: String,
    #[serde(rename = "includeCRDs")]
    include_crds: bool,
    skip_hooks: bool,
    api_versions: Vec<String>,
    kube_version: String,
    name_template: String,
    skip_tests: bool,
    /// Without effect on what comes out.
    #[serde(rename = "debug")]
    _debug: bool,
    devel: bool,
}

/// An entry of the deprecated `helmChartInflationGenerator`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OldHelmChart {
    chart_name: String,
    chart_version: String,
    chart_repo_url: String,
    chart_home: String,
    values: String,
    values_local: Map<String, Value>,
    values_merge: String,
    release_name: String,
    helm_home: String,
    // kustomize reads these and does nothing with them.
    #[serde(rename = "chartRepoName")]
    _chart_repo_name: String,
    #[serde(rename = "helmBin")]
    _helm_bin: String,
    #[serde(rename = "releaseNamespace")]
    _release_namespace: String,
    #[serde(rename = "extraArgs")]
    _extra_args: Vec<String>,
}

/// The entries of `helmCharts` that say what `old` ones said, and the globals; of several the last counts.
pub(crate) fn modernized(old: Vec<OldHelmChart>) -> (Vec<HelmChart>, HelmGlobals) {
    let mut globals = HelmGlobals::default();
    let mut charts = Vec::with_capacity(old.len());
    for old in old {
        if !old.chart_home.is_empty() {
            globals.chart_home = old.chart_home;
        }
        if !old.helm_home.is_empty() {
            globals._config_home = old.helm_home;
        }
        charts.push(HelmChart {
            name: old.chart_name,
            version: old.chart_version,
            repo: old.chart_repo_url,
            values_file: old.values,
            values_inline: old.values_local,
            values_merge: old.values_merge,
            release_name: old.release_name,
            ..HelmChart::default()
        });
    }
    (charts, globals)
}

/// A chart that was found.
struct Found<'a> {
    root: Root<'a>,
    path: TreePath,
}

/// The objects of `chart`.
pub(crate) fn inflate(
    directory: &Directory<'_>,
    globals: &HelmGlobals,
    chart: &HelmChart,
) -> Result<Vec<Resource>, RenderError> {
    let invalid = |message: &str| directory.error(Cause::Invalid(message.into()));
    if chart.name.is_empty() {
        return Err(invalid("chart name cannot be empty"));
    }
    let found = find(directory, globals, chart)?;
    let request = ChartRequest {
        release: match (chart.release_name.as_str(), chart.name_template.as_str()) {
            ("", "") => ReleaseName::Generated,
            (name, "") => ReleaseName::Named(name.to_owned()),
            ("", template) => ReleaseName::Template(template.to_owned()),
            _ => return Err(invalid("releaseName and nameTemplate exclude each other")),
        },
        namespace: given(&chart.namespace),
        values: values(directory, chart, &found)?,
        api_versions: chart.api_versions.clone(),
        kube_version: given(&chart.kube_version),
        include_crds: chart.include_crds,
        skip_hooks: chart.skip_hooks,
        skip_tests: chart.skip_tests,
    };
    let text = directory
        .charts
        .template(&*found.root.tree, &found.path, &request)
        .map_err(|error| directory.error(Cause::Chart { name: chart.name.clone(), error }))?;
    let manifests = manifest::parse_with_texts(text.as_bytes(), &directory.options.yaml).map_err(|error| {
        let error = error.in_file(&directory.file);
        directory.error(Cause::Chart { name: chart.name.clone(), error: error.cause.to_string() })
    })?;
    Ok(manifests.into_iter().map(|read| Resource::new(read.value, directory.file.clone(), None)).collect())
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Finds the chart in the tree, or else in its repository.
fn find<'a>(directory: &Directory<'a>, globals: &HelmGlobals, chart: &HelmChart) -> Result<Found<'a>, RenderError> {
    let home = if globals.chart_home.is_empty() { CHART_HOME } else { &globals.chart_home };
    let mut path = directory.join(home)?;
    let join = |path: &TreePath, name: &str| path.join(name).map_err(|error| directory.error(Cause::Path(error)));
    if !chart.version.is_empty() && !chart.repo.is_empty() {
        path = join(&path, &format!("{}-{}", chart.name, chart.version))?;
    }
    path = join(&path, &chart.name)?;
    let entry = directory.root.tree.stat(&path).map_err(|error| directory.error(Cause::Read(error)))?;
    if matches!(entry, Some(entry) if entry.kind == EntryKind::Directory) {
        return Ok(Found { root: directory.root.clone(), path });
    }
    if chart.repo.is_empty() {
        let message = format!("no repo specified for pull, no chart found at '{path}'");
        return Err(directory.error(Cause::Invalid(message)));
    }
    let source = RemoteSource::Chart {
        repository: chart.repo.trim_end_matches('/').to_owned(),
        name: chart.name.clone(),
        version: given(&chart.version),
        prereleases: chart.devel,
    };
    Ok(Found { root: directory.elsewhere.root(directory, source)?, path: TreePath::root() })
}

/// The values in the order in which they go over the chart's own.
fn values(directory: &Directory<'_>, chart: &HelmChart, found: &Found<'_>) -> Result<Vec<Value>, RenderError> {
    let read = |text: &[u8], file: &TreePath| -> Result<Value, RenderError> {
        let documents = parse_documents_as(text, Dialect::Kubernetes, &directory.options.yaml)
            .map_err(|error| RenderError::yaml(file, error))?;
        let values = documents.into_iter().next().map(|document| document.value).unwrap_or_default();
        if manifest::is_lfs_pointer(&values) {
            return Err(RenderError::new(file, Cause::Invalid(manifest::IS_LFS_POINTER.into())));
        }
        Ok(values)
    };
    let own = || -> Result<Value, RenderError> {
        if !chart.values_file.is_empty() {
            let file = directory.join(&chart.values_file)?;
            return read(&directory.load(&chart.values_file)?, &file);
        }
        let file = found.path.join("values.yaml").map_err(|error| directory.error(Cause::Path(error)))?;
        let text = found.root.tree.read(&file).map_err(|error| directory.error(Cause::Read(error)))?;
        read(&text, &file)
    };
    let inline = || Value::Object(chart.values_inline.clone());
    let first = match (chart.values_merge.as_str(), chart.values_inline.is_empty()) {
        ("" | "override" | "merge" | "replace", true) => own()?,
        ("" | "override", false) => merged(own()?, inline()),
        ("merge", false) => merged(inline(), own()?),
        ("replace", false) => inline(),
        _ => {
            let message = "valuesMerge must be one of [merge override replace]";
            return Err(directory.error(Cause::Invalid(message.into())));
        }
    };
    let mut all = vec![first];
    for path in &chart.additional_values_files {
        all.push(read(&directory.load(path)?, &directory.join(path)?)?);
    }
    Ok(all)
}

/// `values` with `over` on top: mappings field by field, where null takes a field away; anything else as a whole.
fn merged(values: Value, over: Value) -> Value {
    match (values, over) {
        (Value::Object(mut values), Value::Object(over)) => {
            for (name, over) in over {
                match (values.remove(&name), over) {
                    (_, Value::Null) => {}
                    (Some(value), over) => {
                        values.insert(name, merged(value, over));
                    }
                    (None, over) => {
                        values.insert(name, merged(Value::Object(Map::new()), over));
                    }
                }
            }
            Value::Object(values)
        }
        (values, Value::Null) => values,
        (_, over) => over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_merge_field_by_field_and_null_takes_away() {
        let values = json!({"a": 1, "b": {"c": 1, "d": [1]}, "e": 5});
        let over = json!({"b": {"d": [2], "x": {"y": null, "z": 1}}, "e": null});
        assert_eq!(merged(values, over), json!({"a": 1, "b": {"c": 1, "d": [2], "x": {"z": 1}}}));
    }
}
