//! Namespaces that nobody makes.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_apply::Manifest;

use crate::gitops;

use super::finding::{Finding, Rule, Severity};
use super::{Checked, Described};

/// The namespaces that every cluster has, and the one of the agents.
const ALWAYS: [&str; 5] = ["default", "kube-system", "kube-public", "kube-node-lease", gitops::ROOT];

/// Lists the namespaces that objects are to be in and that neither the repository nor what was given makes: the `targetNamespace`
/// of a Kustomization, else the objects that name one. Of what cannot be built nobody knows which it makes.
pub(super) fn check(checked: &mut Checked<'_>) {
    let (cluster, lost) = (checked.cluster, checked.lost);
    let mut made: BTreeMap<Option<String>, BTreeSet<&str>> = BTreeMap::new();
    let given = checked.context.given.iter().filter(|object| object["kind"] == "Namespace");
    made.entry(None).or_default().extend(given.filter_map(|object| object["metadata"]["name"].as_str()));
    for unit in cluster.units.values() {
        let names = made.entry(unit.target()).or_default();
        names.extend(unit.objects().iter().filter(is_namespace).map(|object| object.id().name.as_str()));
    }
    let mut missing: BTreeMap<(Option<String>, &str), Vec<Described<'_>>> = BTreeMap::new();
    for unit in cluster.units.values() {
        let target = unit.target();
        let made = made.get(&target);
        let is_there = |name: &str| {
            name.is_empty()
                || is_always_there(name)
                || made.is_some_and(|made| made.contains(name))
                || name.contains("${")
                || lost.may_bring("Namespace", name)
        };
        let wanted = unit.kustomization.spec.target_namespace.as_deref().filter(|name| !is_there(name));
        if let Some(name) = wanted {
            let text = format!("spec.targetNamespace: {}{ADVICE}", checked.written.nowhere("Namespace", name));
            checked.about(unit, "spec.targetNamespace", Severity::Warning, Rule::Namespace, text);
        }
        for object in unit.objects() {
            let name = object.id().namespace.as_str();
            if !is_there(name) && wanted != Some(name) {
                missing.entry((target.clone(), name)).or_default().push((unit, object));
            }
        }
    }
    for ((_, name), objects) in missing {
        let Some((unit, first)) = objects.first() else { continue };
        let place = checked.places.field(unit, first, "metadata.namespace");
        let others = checked.others(&objects, "metadata.namespace");
        let text = format!("metadata.namespace: {}{ADVICE}", checked.written.nowhere("Namespace", name));
        let finding = Finding::warning(place, Rule::Namespace, text).of(first.id());
        checked.findings.push(Finding { others, ..finding });
    }
}

/// Whether every cluster has a namespace.
pub(super) fn is_always_there(name: &str) -> bool {
    ALWAYS.contains(&name)
}

/// What is to be done.
const ADVICE: &str = "; what goes there is refused until somebody makes it (--with FILE says that the cluster has it)";

fn is_namespace(object: &&Manifest) -> bool {
    object.id().group.is_empty() && object.id().kind == "Namespace"
}
