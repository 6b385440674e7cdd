//! Objects that several Kustomizations of a cluster describe, and Kustomizations that are described twice.

use std::collections::BTreeMap;

use cowherd_apply::{Manifest, ObjectId};

use crate::cluster::Unit;

use super::Checked;
use super::finding::{Finding, Rule, Severity};

/// Lists what is described more than once. Each place but the first names the first.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut seen: BTreeMap<(Option<String>, &ObjectId), (&Unit, &Manifest)> = BTreeMap::new();
    let mut twice = Vec::new();
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let key = (unit.target(), object.id());
            match seen.get(&key) {
                Some(first) => twice.push((*first, (&**unit, object))),
                None => drop(seen.insert(key, (unit, object))),
            }
        }
    }
    for ((first_unit, first), (unit, object)) in twice {
        let other = checked.places.field(first_unit, first, "kind");
        let place = checked.places.field(unit, object, "kind");
        let text = if first_unit.name == unit.name {
            format!("Kustomization {} makes it twice, here and by {other}", unit.name)
        } else {
            format!("Kustomization {} describes it, and {} ({other}) does too", unit.name, first_unit.name)
        };
        let object = Some(object.id().to_string());
        checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::Duplicate, object, text });
    }
}
