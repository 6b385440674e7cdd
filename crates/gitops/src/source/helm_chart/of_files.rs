//! A chart among the files of a source: a directory, or a packed one.

use std::sync::Arc;

use cowherd_api::flux::source::v1::HelmChart;
use cowherd_helm::dependencies;
use cowherd_tree::{ArchiveLimits, EntryKind, MemoryTree, Subtree, Tree, TreePath, unpack};
use kube::ResourceExt as _;

use super::super::{Artifact, Shared};
use super::error::Error;
use super::fetch::version_metadata;
use super::packaging::{self, Packaged, copy, read, set_values, set_version, with_metadata};
use super::values_files;
use crate::fetches::Purpose;
use crate::remotes::only_directory;

/// How much of the name of a revision goes into a version: labels have little room.
const SHORT: usize = 12;

/// Makes a chart of what the source has.
pub(super) async fn package(shared: &Shared, object: &HelmChart, content: Arc<Artifact>) -> Result<Packaged, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let purpose = Purpose { namespace, host: String::new(), is_own: false };
    let object = object.clone();
    shared.fetches.run(&purpose, move |_| pack(&object, &content)).await?
}

/// The chart that a HelmChart means of these files, as a tree with `Chart.yaml` at its top. Blocks the thread.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn chart_in(object: &HelmChart, tree: Arc<dyn Tree>) -> Result<Arc<dyn Tree>, String> {
    let content = Artifact { tree: tree.clone(), all: tree, ..Artifact::nothing() };
    pack(object, &content).map(|packed| packed.tree).map_err(|error| error.to_string())
}

/// Makes a chart of the files of a source.
fn pack(object: &HelmChart, content: &Artifact) -> Result<Packaged, Error> {
    let path = TreePath::parse(&object.spec.chart).map_err(|error| Error::Reference(error.to_string()))?;
    let (mut tree, is_directory) = files(content.tree.as_ref(), &path)?;
    let chart = read(&tree).map_err(|error| Error::Reference(error.to_string()))?;
    let of_source = (object.spec.reconcile_strategy.as_deref() == Some("Revision")).then(|| short(&content.revision));
    let name = chart.metadata.name.clone();
    let mut version = chart.metadata.version.clone();
    let metadata = version_metadata(object, of_source);
    if let Some(metadata) = &metadata {
        version = with_metadata(&version, metadata)?;
        set_version(&mut tree, &version)?;
    }
    let mut merged = Vec::new();
    if !values_files::given(object).is_empty() {
        // They are found from the top of the source on, wherever the chart is in it.
        let (values, files) = values_files::merge(object, content.tree.as_ref())?;
        set_values(&mut tree, &values)?;
        merged = files;
    }
    if is_directory {
        let missing = |error: dependencies::MissingDependencies| {
            Error::Dependencies(format!(
                "{error}; charts that a chart depends on are not fetched for it: commit them below {path}/charts"
            ))
        };
        dependencies::check(&chart).map_err(missing)?;
    }
    let digest = format!("sha256:{}", tree.id());
    let is_repackaged = is_directory || metadata.is_some();
    Ok(Packaged { tree: Arc::new(tree), digest, name, version, is_repackaged, values_files: merged })
}

/// The files of the chart at `path`, and whether that is a directory.
fn files(tree: &dyn Tree, path: &TreePath) -> Result<(MemoryTree, bool), Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Reference(error.to_string());
    match tree.stat(path).map_err(|error| wrong(&error))?.map(|entry| entry.kind) {
        None => Err(Error::Reference(format!("there is nothing at {path} in the source"))),
        Some(EntryKind::Directory) => Ok((packaging::pack(tree, path)?, true)),
        Some(_) => {
            let packed = tree.read(path).map_err(|error| wrong(&error))?;
            let unpacked = unpack(packed.as_ref(), &ArchiveLimits::default()).map_err(|error| wrong(&error))?;
            let directory = only_directory(&unpacked).map_err(|error| wrong(&error))?;
            Ok((copy(&Subtree::new(Arc::new(unpacked), directory), &TreePath::root())?, false))
        }
    }
}

/// The first digits of the commit, or of the digest, that a revision names.
fn short(revision: &str) -> String {
    revision.rsplit(':').next().unwrap_or_default().chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chart(spec: Value) -> HelmChart {
        let mut full =
            json!({ "interval": "1m", "chart": "./charts/web", "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "a", "namespace": "n", "generation": 3 }, "spec": full }))
            .unwrap()
    }

    fn content(extra: &[(&str, &'static str)]) -> Artifact {
        let files = [
            ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("charts/web/values.yaml", "a: 1\n"),
            ("charts/web/templates/a.yaml", "a: {{ .Values.a }}\n"),
            ("prod.yaml", "a: 2\n"),
        ];
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new(files.iter().chain(extra).copied()).unwrap());
        let revision = "main@sha1:0123456789abcdef0123456789abcdef01234567".to_owned();
        Artifact { revision, tree: tree.clone(), all: tree, ..Artifact::nothing() }
    }

    fn packed(spec: Value, extra: &[(&str, &'static str)]) -> Result<Packaged, String> {
        pack(&chart(spec), &content(extra)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_directory_is_a_chart_with_its_own_version_whatever_else_a_commit_changes() {
        let first = packed(json!({}), &[]).unwrap();
        assert_eq!((first.name.as_str(), first.version.as_str()), ("web", "1.0.0"));
        let second = packed(json!({}), &[("other.yaml", "")]).unwrap();
        assert_eq!(first.digest, second.digest);
        let third = packed(json!({}), &[("charts/web/templates/b.yaml", "b: 1\n")]).unwrap();
        assert_ne!(first.digest, third.digest);
    }

    #[test]
    fn a_version_says_by_which_revision_and_values_it_came_about() {
        let revision = packed(json!({ "reconcileStrategy": "Revision" }), &[]).unwrap();
        assert_eq!(revision.version, "1.0.0+0123456789ab");
        let values = packed(json!({ "valuesFiles": ["prod.yaml"] }), &[]).unwrap();
        assert_eq!((values.version.as_str(), values.values_files), ("1.0.0+3", vec!["prod.yaml".to_owned()]));
        let read = read(values.tree.as_ref()).unwrap();
        assert_eq!((read.metadata.version.as_str(), &read.values["a"]), ("1.0.0+3", &json!(2.0)));
    }

    #[test]
    fn what_is_no_chart_or_lacks_others_is_said() {
        let said = |spec: Value, extra: &[(&str, &'static str)]| packed(spec, extra).err().unwrap();
        assert!(
            said(json!({ "chart": "./gone" }), &[]).starts_with("invalid chart reference: there is nothing at gone")
        );
        assert!(said(json!({ "chart": "." }), &[]).starts_with("invalid chart reference: "));
        assert!(said(json!({ "chart": "../../etc" }), &[]).starts_with("invalid chart reference: "));
        let depends = "apiVersion: v2\nname: db\nversion: 1.0.0\ndependencies: [{name: base, version: 1.x, repository: 'https://x'}]\n";
        let lacking = said(json!({ "chart": "db" }), &[("db/Chart.yaml", depends)]);
        assert!(
            lacking.starts_with("dependency build error: ") && lacking.contains("charts/ directory: base"),
            "{lacking}"
        );
    }
}
