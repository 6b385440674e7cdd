//! Directories with manifests that no Kustomization and no Application leads to.

use std::collections::BTreeSet;

use cowherd_tree::{TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use super::scan::ancestors;
use super::{By, Discovering};

/// The most directories of this sort that are looked at.
const MAX: usize = 2_000;
/// What a chart is called.
pub(crate) const CHART: &str = "a Helm chart";
/// The groups of Kubernetes whose names have no dot.
const KUBERNETES: [&str; 5] = ["apps", "autoscaling", "batch", "extensions", "policy"];

/// Takes each uppermost directory with manifests, and each with a kustomization that no other builds on.
pub(super) fn discover(discovering: &mut Discovering<'_>) -> Result<(), TreeError> {
    let scan = discovering.scan;
    let all = scan.kustomizations.keys().chain(scan.yaml.keys()).chain(scan.languages.keys()).chain(&scan.charts);
    let all: BTreeSet<&TreePath> = all.filter(|path| !is_hidden(path)).collect();
    let mut taken = 0;
    for directory in all {
        if scan.chart(directory).is_some_and(|chart| chart != *directory) {
            continue;
        }
        if scan.charts.contains(directory) && !scan.kustomizations.contains_key(directory) {
            chart(discovering, directory);
            continue;
        }
        let by = match scan.kustomizations.get(directory) {
            Some(one) if discovering.covered.has(&one.file) || scan.is_built_on(directory) => None,
            Some(one) if one.is_component => {
                discovering.leave_out(directory, "a component that no kustomization builds on");
                None
            }
            Some(_) => Some(By::Kustomization),
            None => manifests(discovering, directory)?.then_some(By::Manifests),
        };
        if let Some(by) = by {
            taken += 1;
            if taken > MAX {
                discovering.leave_out(&TreePath::root(), &format!("more than {MAX} directories with manifests"));
                return Ok(());
            }
            discovering.take(directory.clone(), by, Vec::new())?;
        }
        let language = scan.languages.get(directory).filter(|_| !discovering.covered.is_below(directory));
        if let Some(language) = language {
            discovering.leave_unrendered(directory, language);
        }
    }
    Ok(())
}

/// A chart is only rendered by what names it.
fn chart(discovering: &mut Discovering<'_>, directory: &TreePath) {
    let scan = discovering.scan;
    let is_used = ancestors(directory).iter().any(|above| scan.is_built_on(above));
    let is_read = directory.join("Chart.yaml").is_ok_and(|file| discovering.covered.has(&file));
    if !is_used && !is_read {
        discovering.leave_unrendered(directory, CHART);
    }
}

/// Whether there are manifests directly in a directory that are part of nothing yet, and it can be looked at as a whole.
fn manifests(discovering: &mut Discovering<'_>, directory: &TreePath) -> Result<bool, TreeError> {
    let scan = discovering.scan;
    let is_part = ancestors(directory).iter().any(|above| scan.is_built_on(above));
    if is_part || discovering.covered.is_below(directory) {
        return Ok(false);
    }
    let (mut found, mut unreadable) = (false, Vec::new());
    for file in scan.yaml.get(directory).into_iter().flatten() {
        if found || discovering.covered.has(file) || file.file_name().starts_with('.') {
            continue;
        }
        match describes(&discovering.tree.read_file(file)?) {
            Some(describes) => found = describes,
            None => unreadable.push(file),
        }
    }
    if !found {
        unreadable.into_iter().for_each(|file| discovering.leave_out(file, "no YAML, alone in its directory"));
    }
    if found && (discovering.covered.reaches_into(directory) || scan.has_layers(directory)) {
        discovering.leave_out(directory, "manifests above others that are looked at one by one");
        return Ok(false);
    }
    Ok(found)
}

pub(super) fn is_hidden(path: &TreePath) -> bool {
    path.components().any(|name| name.starts_with('.'))
}

/// Whether a file describes an object: of a group as Kubernetes has them, with metadata. Files of other programs have
/// `apiVersion` and `kind` as well. `None` where it means to, and is no YAML.
pub(super) fn describes(content: &[u8]) -> Option<bool> {
    match parse_documents_as(content, Dialect::Kubernetes, &Limits::default()) {
        Ok(documents) => Some(documents.iter().any(|document| is_object(&document.value))),
        Err(_) if content.starts_with(b"apiVersion:") || content.windows(12).any(|line| line == b"\napiVersion:") => {
            None
        }
        Err(_) => Some(false),
    }
}

fn is_object(value: &Value) -> bool {
    let Some(api_version) = value["apiVersion"].as_str() else { return false };
    let is_of_a_group = match api_version.split_once('/') {
        None => api_version == "v1",
        Some((group, _)) => group.contains('.') || KUBERNETES.contains(&group),
    };
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array();
    is_of_a_group && value["kind"].is_string() && (value["metadata"].is_object() || is_list)
}
