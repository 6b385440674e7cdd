//! Sources that the agents would refuse without asking anybody.

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_source::Access;

use crate::gitops::{self, ROOT};

use super::Checked;
use super::finding::{Finding, Rule, Severity};

/// Lists GitRepositories that the agents refuse. What a flag at their start allows may be meant.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let id = object.id();
            if id.kind != "GitRepository" || id.group != "source.toolkit.fluxcd.io" {
                continue;
            }
            let Ok(repository) = serde_json::from_value::<GitRepository>(object.object().clone()) else { continue };
            let Some(refusal) = gitops::refusal(&repository, &Access::default()) else { continue };
            // The one that everything grows from is a person's word.
            if !refusal.is_final && id.namespace == ROOT && id.name == ROOT {
                continue;
            }
            let severity = if refusal.is_final { Severity::Error } else { Severity::Warning };
            let place = checked.places.field(unit, object, "spec.url");
            let text = unit.mask().text(&refusal.text);
            let object = Some(id.to_string());
            checked.findings.push(Finding { place, severity, rule: Rule::Source, object, text });
        }
    }
}
