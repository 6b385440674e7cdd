//! Bases and charts that the agents would not fetch: their servers are where no manifest may have them connect to.

use cowherd_source::Access;
use cowherd_tree::{Read, Tree, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use crate::cluster::State;
use crate::discovery::KUSTOMIZATIONS;

use super::Checked;
use super::finding::{Finding, Rule};
use super::places::Places;

/// Lists them, of the kustomizations from which something came. Of others [`files`](super::files) does.
pub(super) fn check(checked: &mut Checked<'_>, tree: &dyn Tree) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        let State::Made(made) = &unit.state else { continue };
        let read = made.reads.entries().filter(|(_, read)| matches!(read, Read::Content(_)));
        for (path, _) in read.filter(|(path, _)| KUSTOMIZATIONS.contains(&path.file_name())) {
            let file = unit.in_repository(path);
            let Ok(content) = tree.read(&file) else { continue };
            let documents = parse_documents_as(&content, Dialect::Kustomize, &Limits::default()).unwrap_or_default();
            for document in documents {
                checked.findings.extend(of(&document.value, &file, &mut checked.places));
            }
        }
    }
}

/// What of a kustomization the agents would not fetch.
pub(super) fn of(kustomization: &Value, file: &TreePath, places: &mut Places) -> Vec<Finding> {
    let refused = named(kustomization).into_iter().filter_map(|(field, url)| {
        let problem = Access::default().check(url).err()?;
        let (place, text) = (places.in_file(file, &field), format!("{field}: {problem}"));
        Some(Finding::warning(place, Rule::Source, text))
    });
    refused.collect()
}

/// The addresses in a kustomization, with their fields.
fn named(kustomization: &Value) -> Vec<(String, &str)> {
    let mut all = Vec::new();
    for (list, field) in [
        ("resources", None),
        ("bases", None),
        ("components", None),
        ("helmCharts", Some("repo")),
        ("helmChartInflationGenerator", Some("chartRepoUrl")),
    ] {
        for (index, item) in kustomization[list].as_array().into_iter().flatten().enumerate() {
            let value = field.map_or(item, |field| &item[field]);
            let place = format!("{list}[{index}]{}", field.map(|field| format!(".{field}")).unwrap_or_default());
            all.extend(value.as_str().filter(|text| text.contains("://")).map(|url| (place, url)));
        }
    }
    all
}
