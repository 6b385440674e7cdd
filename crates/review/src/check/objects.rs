//! Whether objects are what their kinds ask for, and whether anything serves those.

use std::collections::BTreeMap;

use cowherd_api::supported;
use cowherd_apply::{Manifest, mask};

use crate::cluster::Unit;
use crate::gitops::Plan;

use super::Checked;
use super::finding::{Finding, Rule, Severity};
use super::schemas::group_version_kind;

/// Lists what is wrong with objects. What no kind is known of is told once for each kind.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut unserved: BTreeMap<(String, String), Vec<(&Unit, &Manifest)>> = BTreeMap::new();
    for unit in cluster.units.values() {
        let encrypted = unit.made().map(|made| made.encrypted.clone()).unwrap_or_default();
        for object in unit.objects().iter().filter(|object| !encrypted.contains(object.id())) {
            if checked.kinds.serves(object.object()) {
                of_object(checked, unit, object);
            } else {
                let key = (object.versioned().api_version(), object.id().kind.clone());
                unserved.entry(key).or_default().push((unit, object));
            }
        }
    }
    for ((api_version, kind), objects) in unserved {
        let Some((unit, first)) = objects.first() else { continue };
        let place = checked.places.field(unit, first, "kind");
        let others = match objects.len() {
            1 => String::new(),
            2 => ", and of one other object".to_owned(),
            count => format!(", and of {} other objects", count - 1),
        };
        let group = &first.id().group;
        let text = match supported::find(group, &kind) {
            Some(known) if !known.is_done => format!(
                "cowherd does not do the kind {kind} of {api_version} yet{others}; leave it out, or say by --with FILE \
                 that the cluster has it"
            ),
            _ if supported::is_of_kubernetes(group) => {
                format!(
                    "cowherd does not serve the kind {kind} of {api_version}{others}; correct its name, or leave it out"
                )
            }
            _ => format!(
                "nothing serves the kind {kind} of {api_version}{others}; add its CustomResourceDefinition, or say \
                 what the cluster has by --with FILE"
            ),
        };
        let object = Some(first.id().to_string());
        checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::UnservedKind, object, text });
    }
}

fn of_object(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest) {
    let value = object.object();
    let secrets = unit.mask();
    for mistake in checked.kinds.mistakes(value) {
        let place = checked.places.field(unit, object, &mistake.field);
        let text = secrets.text(&mask::message(value, &mistake.text));
        let object = Some(object.id().to_string());
        checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::Schema, object, text });
    }
    let (group, version, kind) = group_version_kind(value);
    let is_lost = checked.cluster.world.scopes.is_namespaced(group, version, kind) == Some(true)
        && object.id().namespace.is_empty()
        && unit.plan.as_ref().is_some_and(|plan: &Plan| plan.default_namespace().is_none());
    if is_lost {
        let place = checked.places.field(unit, object, "metadata");
        let text = "metadata.namespace: it names no namespace, and its Kustomization gives it none".to_owned();
        let object = Some(object.id().to_string());
        checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::Schema, object, text });
    }
}
