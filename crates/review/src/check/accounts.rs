//! Accounts that objects are applied as, and what the API asks of Pods before it takes them.

use cowherd_apply::Manifest;
use serde_json::Value;

use crate::cluster::Unit;

use super::Checked;
use super::finding::{Finding, Rule, Severity};

/// What a Pod names that has to be there before it can be: the field, the kind, and whether that lives in namespaces.
const OF_PODS: [(&str, &str, bool); 2] =
    [("serviceAccountName", "ServiceAccount", true), ("priorityClassName", "PriorityClass", false)];

/// Lists the accounts of Kustomizations, and the accounts and priorities of Pods, that nobody makes.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        let account = unit.kustomization.spec.service_account_name.as_deref();
        // What is applied to another cluster is applied as an account of that.
        if let Some(name) = account.filter(|name| unit.target().is_none() && !name.contains("${")) {
            let nowhere = checked.nowhere(None, "ServiceAccount", &unit.name.namespace, name);
            if let Some(nowhere) = nowhere {
                let text = format!("spec.serviceAccountName: {nowhere}, so that nothing may be applied");
                checked.about(unit, "spec.serviceAccountName", Severity::Warning, Rule::Reference, text);
            }
        }
        for object in unit.objects() {
            of_pods(checked, unit, object);
        }
    }
}

fn of_pods(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest) {
    let Some((path, spec)) = pod_spec(object) else { return };
    for (field, kind, is_namespaced) in OF_PODS {
        let name = spec[field].as_str().filter(|name| !name.is_empty() && !name.contains("${"));
        let namespace = if is_namespaced { object.id().namespace.as_str() } else { "" };
        let nowhere = name.and_then(|name| checked.nowhere(unit.target().as_ref(), kind, namespace, name));
        if let Some(nowhere) = nowhere {
            let field = format!("{path}.{field}");
            let place = checked.places.field(unit, object, &field);
            let text = format!("{field}: {nowhere}, without which no Pod is made");
            checked.findings.push(Finding::warning(place, Rule::Reference, text).of(object.id()));
        }
    }
}

/// What the Pods of an object are to be, and the field.
fn pod_spec(object: &Manifest) -> Option<(&'static str, &Value)> {
    let (id, value) = (object.id(), object.object());
    let (path, spec) = match (id.group.as_str(), id.kind.as_str()) {
        ("", "Pod") => ("spec", &value["spec"]),
        ("batch", "CronJob") => {
            ("spec.jobTemplate.spec.template.spec", &value["spec"]["jobTemplate"]["spec"]["template"]["spec"])
        }
        ("" | "apps" | "batch", _) => ("spec.template.spec", &value["spec"]["template"]["spec"]),
        _ => return None,
    };
    spec.is_object().then_some((path, spec))
}

impl Checked<'_> {
    /// That an object is nowhere, in words; nothing where it is there, or what cannot be built may bring it.
    pub(super) fn nowhere(&self, target: Option<&String>, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let is_there = self.there.has(target, kind, namespace, name) || self.lost.may_bring(kind, name);
        (!is_there).then(|| self.written.nowhere(kind, name))
    }
}
