//! Directories without a kustomization file: every manifest below counts, as Flux has it.

use cowherd_tree::{EntryKind, Tree, TreePath};

use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::kustomize::files::file;
use crate::unrendered::{self, Unrendered};

/// The most directories that are descended into.
const MAX_DEPTH: usize = 128;

/// What makes a directory a Helm chart.
const CHART: &str = "Chart.yaml";

/// What a directory without a kustomization holds.
#[derive(Default)]
pub(crate) struct Contents {
    /// What its kustomization would list as its resources: the manifests below it, and the directories that have a
    /// kustomization of their own.
    pub(crate) resources: Vec<TreePath>,
    /// The files that only other programs make manifests of.
    pub(crate) unrendered: Vec<Unrendered>,
}

/// What the directory `root` holds.
///
/// # Errors
/// When something cannot be read, and when there is a Helm chart: what is in it is no manifest.
pub(crate) fn contents(tree: &dyn Tree, root: &TreePath) -> Result<Contents, RenderError> {
    let mut contents = Contents::default();
    scan(tree, root, 0, &mut contents)?;
    if contents.resources.is_empty() && !contents.unrendered.is_empty() {
        return Err(RenderError::new(root, Cause::OnlyUnrendered(contents.unrendered)));
    }
    Ok(contents)
}

fn scan(tree: &dyn Tree, directory: &TreePath, depth: usize, contents: &mut Contents) -> Result<(), RenderError> {
    if depth > MAX_DEPTH {
        let cause = Cause::TooMuch { what: "directories inside each other", limit: MAX_DEPTH };
        return Err(RenderError::new(directory, cause));
    }
    let entries = tree.read_dir(directory).map_err(|error| RenderError::new(directory, Cause::Read(error)))?;
    if entries.iter().any(|(name, _)| name == CHART) && is_chart(tree, directory) {
        return Err(RenderError::new(directory, Cause::ChartDirectory(directory.clone())));
    }
    for (name, entry) in entries {
        let path = directory.join(&name).map_err(|error| RenderError::new(directory, Cause::Path(error)))?;
        match entry.kind {
            EntryKind::Directory if !file::find(tree, &path)?.is_empty() => contents.resources.push(path),
            EntryKind::Directory => scan(tree, &path, depth + 1, contents)?,
            EntryKind::File { .. } | EntryKind::Symlink if is_manifest(&name) => {
                let target = tree.stat(&path).map_err(|error| RenderError::new(&path, Cause::Read(error)))?;
                // A link is followed to a file, never into a directory.
                match target.map(|entry| entry.kind) {
                    Some(EntryKind::File { .. }) => contents.resources.push(path),
                    Some(EntryKind::Other) => return Err(irregular(path)),
                    _ => {}
                }
            }
            EntryKind::Other if is_manifest(&name) => return Err(irregular(path)),
            EntryKind::File { .. } => {
                let language = unrendered::language_or_json(&name);
                contents.unrendered.extend(language.map(|language| Unrendered { path, language }));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether `directory` is a Helm chart: its `Chart.yaml` is none of the manifests that a file of any name may hold.
pub fn is_chart(tree: &dyn Tree, directory: &TreePath) -> bool {
    let Ok(path) = directory.join(CHART) else { return false };
    let Ok(text) = tree.read(&path) else { return false };
    let read = parse_documents_as(&text, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
    read.first().is_none_or(|document| document.value.get("kind").and_then(Value::as_str).is_none())
}

fn irregular(path: TreePath) -> RenderError {
    RenderError::new(&path, Cause::Irregular(path.clone()))
}

fn is_manifest(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}
