//! Objects that several Kustomizations of a cluster describe, and Kustomizations that are described twice.

use std::collections::BTreeMap;

use cowherd_apply::ObjectId;

use super::finding::{Finding, Rule};
use super::{Checked, Described};

/// How many Kustomizations are named of those that describe one object.
const NAMED: usize = 5;

/// Lists what is described more than once, each object once: at the second place, with the first and who else does.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut all: BTreeMap<(Option<String>, &ObjectId), Vec<Described<'_>>> = BTreeMap::new();
    for unit in cluster.units.values() {
        let target = unit.target();
        for object in unit.objects() {
            all.entry((target.clone(), object.id())).or_default().push((unit, object));
        }
    }
    for ((_, id), places) in all {
        let [(first_unit, first), (unit, object), more @ ..] = places.as_slice() else { continue };
        let other = checked.places.field(first_unit, first, "kind");
        let place = checked.places.field(unit, object, "kind");
        let mut text = if first_unit.name == unit.name {
            format!("Kustomization {} makes it twice, here and by {other}", unit.name)
        } else {
            format!("Kustomization {} describes it, and {} ({other}) does too", unit.name, first_unit.name)
        };
        if !more.is_empty() {
            let names = more.iter().map(|(unit, _)| &unit.name);
            text.push_str(&format!("; so do {}", cowherd_text::listed(names, NAMED)));
        }
        checked.findings.push(Finding::error(place, Rule::Duplicate, text).of(id));
    }
}
