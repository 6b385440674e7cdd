//! Names that lead nowhere. What cannot be built may bring what they name, and then nothing is said of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_apply::Manifest;
use cowherd_text::near;
use serde_json::Value;

use crate::cluster::{State, Unit};
use crate::gitops::{NamespacedName, Plan};

use super::finding::{Finding, Rule, Severity};
use super::{Checked, dependencies};

/// The characters that kustomize's hashes are made of, and how many.
const HASH: (&str, usize) = ("bcdfghkmt2456789", 10);
/// ConfigMaps that clusters make by themselves.
const MADE_BY_CLUSTERS: [&str; 2] = ["kube-root-ca.crt", "openshift-service-ca.crt"];

/// Lists names that lead nowhere.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let config_maps = config_maps(cluster.units.values());
    for unit in cluster.units.values() {
        of_dependencies(checked, unit);
        of_values(checked, unit);
        of_source(checked, unit);
        if let Some(names) = config_maps.get(&unit.target()) {
            of_config_maps(checked, unit, names);
        }
    }
    of_cycles(checked);
}

impl Checked<'_> {
    pub(super) fn about(&mut self, unit: &Unit, field: &str, severity: Severity, rule: Rule, text: String) {
        let place = self.described(unit, field);
        let object = format!("Kustomization/{}", unit.name);
        self.findings.push(Finding { severity, ..Finding::error(place, rule, text).of(object) });
    }
}

/// What a Kustomization asks for, also one whose source is not known, so that nothing is made of it.
fn plan(unit: &Unit) -> Option<Cow<'_, Plan>> {
    match &unit.plan {
        Some(plan) => Some(Cow::Borrowed(plan)),
        None => Plan::read(&unit.kustomization).ok().map(Cow::Owned),
    }
}

fn of_dependencies(checked: &mut Checked<'_>, unit: &Unit) {
    let plan = plan(unit);
    let names = plan.as_deref().map(Plan::depends_on).unwrap_or_default();
    for (index, name) in names.iter().enumerate() {
        if !checked.cluster.units.contains_key(name) && !checked.lost.may_bring("Kustomization", &name.name) {
            let field = format!("spec.dependsOn[{index}]");
            let others = checked.cluster.units.keys().filter(|other| other.namespace == name.namespace);
            let meant = near::hint(&name.name, others.map(|other| other.name.as_str()));
            let text = format!("{field}: there is no Kustomization {name} in this cluster{meant}");
            checked.about(unit, &field, Severity::Error, Rule::Reference, text);
        }
        let on = checked.cluster.units.get(name).filter(|on| on.kustomization.spec.suspend == Some(true));
        if let Some(on) = on.filter(|_| unit.kustomization.spec.suspend != Some(true)) {
            let field = format!("spec.dependsOn[{index}]");
            let text = format!("{field}: {} is suspended: what it never applied is waited for without an end", on.name);
            checked.about(unit, &field, Severity::Warning, Rule::Reference, text);
        }
    }
}

fn of_cycles(checked: &mut Checked<'_>) {
    for cycle in dependencies::cycles(checked.cluster) {
        let first = cycle.0.first().and_then(|name| checked.cluster.units.get(name)).cloned();
        if let Some(unit) = first {
            checked.about(&unit, "spec.dependsOn", Severity::Error, Rule::Cycle, cycle.to_string());
        }
    }
    for deadlock in dependencies::deadlocks(checked.cluster) {
        let unit = deadlock.dependent().and_then(|name| checked.cluster.units.get(name)).cloned();
        if let Some(unit) = unit {
            checked.about(&unit, "spec.dependsOn", Severity::Error, Rule::Cycle, deadlock.to_string());
        }
    }
}

/// ConfigMaps and Secrets with values of variables may be made in the cluster alone.
fn of_values(checked: &mut Checked<'_>, unit: &Unit) {
    let plan = plan(unit);
    let references = plan.as_deref().map(Plan::substitute_from).unwrap_or_default();
    for (index, reference) in references.iter().enumerate() {
        let name = NamespacedName::new(&unit.name.namespace, &reference.name);
        let is_there =
            checked.cluster.world.holds(&reference.kind, &name) || checked.lost.may_bring(&reference.kind, &name.name);
        if !is_there && !reference.optional {
            let field = format!("spec.postBuild.substituteFrom[{index}]");
            let text = format!(
                "{field}: there is no {} {name} in the repository; variables from it are not known here (--with FILE)",
                reference.kind
            );
            checked.about(unit, &field, Severity::Warning, Rule::Reference, text);
        }
    }
}

fn of_source(checked: &mut Checked<'_>, unit: &Unit) {
    let (Some(_), true) = (&unit.parent, unit.plan.is_some() || matches!(unit.state, State::Elsewhere(_))) else {
        return;
    };
    let source = &unit.kustomization.spec.source_ref;
    let is_unknown = checked.context.sources.is_unknown(&unit.kustomization, &checked.cluster.world);
    if is_unknown && !checked.lost.may_bring(&source.kind, &source.name) {
        let nowhere = checked.written.nowhere(&source.kind, &source.name);
        let text = format!("spec.sourceRef: {nowhere}; say by --source that it is this one");
        checked.about(unit, "spec.sourceRef", Severity::Warning, Rule::Reference, text);
    }
}

/// The ConfigMaps of a cluster by their namespaces.
type ConfigMaps<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The ConfigMaps of all Kustomizations, by the cluster that they go to.
fn config_maps<'a>(units: impl Iterator<Item = &'a Arc<Unit>>) -> BTreeMap<Option<String>, ConfigMaps<'a>> {
    let mut all: BTreeMap<Option<String>, ConfigMaps<'a>> = BTreeMap::new();
    for unit in units {
        let names = all.entry(unit.target()).or_default();
        for id in unit.objects().iter().map(Manifest::id).filter(|id| id.kind == "ConfigMap") {
            names.entry(&id.namespace).or_default().insert(&id.name);
        }
    }
    all
}

/// ConfigMaps that containers name. Which of them are missing is certain where kustomize has made one of that name with a
/// hash behind it; others may be made in the cluster alone.
fn of_config_maps(checked: &mut Checked<'_>, unit: &Unit, names: &ConfigMaps<'_>) {
    let none = BTreeSet::new();
    for object in unit.objects() {
        let mut wanted = Vec::new();
        named_in(object.object(), "", &mut wanted);
        let there = names.get(object.id().namespace.as_str()).unwrap_or(&none);
        for (field, name) in wanted {
            if there.contains(name.as_str()) || MADE_BY_CLUSTERS.contains(&name.as_str()) || name.contains("${") {
                continue;
            }
            let generated = there
                .range(name.as_str()..)
                .take_while(|other| other.starts_with(&name))
                .find(|other| is_generated(other, &name));
            let (severity, text) = match generated {
                Some(generated) => (
                    Severity::Error,
                    format!("{field}: there is no ConfigMap {name}; the generated one is called {generated}"),
                ),
                None if checked.lost.may_bring("ConfigMap", &name) => continue,
                None => (Severity::Warning, format!("{field}: {}", checked.written.nowhere("ConfigMap", &name))),
            };
            let place = checked.places.field(unit, object, &field);
            let finding = Finding::error(place, Rule::Reference, text).of(object.id());
            checked.findings.push(Finding { severity, ..finding });
        }
    }
}

fn is_generated(name: &str, base: &str) -> bool {
    let hash = name.strip_prefix(base).and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == HASH.1 && hash.chars().all(|c| HASH.0.contains(c)))
}

/// The ConfigMaps that must be there for the containers of a workload, and the fields that name them.
fn named_in(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let is_reference = matches!(key.as_str(), "configMapRef" | "configMapKeyRef")
                    || (key == "configMap" && is_volume(&path));
                let is_inside = ["containers[", "initContainers[", "volumes["].iter().any(|part| path.contains(part));
                if is_reference && is_inside && value["optional"] != true {
                    found.extend(value["name"].as_str().map(|name| (format!("{path}.name"), name.to_owned())));
                }
                named_in(value, &path, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                named_in(item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn is_volume(path: &str) -> bool {
    path.contains("volumes[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_containers_need_is_found() {
        let pod = json!({ "spec": { "volumes": [{ "configMap": { "name": "a" } }, { "configMap": { "name": "b", "optional": true } },
                { "projected": { "sources": [{ "configMap": { "name": "c" } }] } }],
            "containers": [{ "envFrom": [{ "configMapRef": { "name": "d" } }] }] }, "configMap": { "name": "e" } });
        let mut found = Vec::new();
        named_in(&pod, "", &mut found);
        let mut names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "c", "d"]);
        assert!(found.iter().any(|(field, _)| field == "spec.containers[0].envFrom[0].configMapRef.name"));
    }

    #[test]
    fn a_generated_name_is_known_by_its_hash() {
        assert!(is_generated("app-config-2bkf5h9k2m", "app-config"));
        assert!(!is_generated("app-config-production", "app-config"));
        assert!(!is_generated("other-2bkf5h9k2m", "app-config"));
    }
}
