//! What the agents refuse of HelmReleases and of where their charts come from, field by field.

use cowherd_api::supported::{HELM_CHART, HELM_RELEASE, HELM_REPOSITORY, Unsupported, refused};

use super::Checked;
use super::finding::{Finding, Rule};

/// Lists fields that are refused, at where they are written.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let id = object.id();
            let Some(table) = table(&id.group, &id.kind) else { continue };
            for field in refused(table, &object.object()["spec"]) {
                let place = checked.places.field(unit, object, &format!("spec.{}", field.entry.field));
                let text = unit.mask().text(&field.to_string());
                checked.findings.push(Finding::error(place, Rule::Unsupported, text).of(id));
            }
        }
    }
}

/// What is refused of a kind.
fn table(group: &str, kind: &str) -> Option<&'static [Unsupported]> {
    match (group, kind) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => Some(HELM_RELEASE),
        ("source.toolkit.fluxcd.io", "HelmChart") => Some(HELM_CHART),
        ("source.toolkit.fluxcd.io", "HelmRepository") => Some(HELM_REPOSITORY),
        _ => None,
    }
}
