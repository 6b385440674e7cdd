//! Objects that were rendered and of which nothing comes, for their variables or their names.

use std::collections::BTreeMap;

use cowherd_apply::ObjectId;
use cowherd_render::{Substitution, substitute};
use serde_json::{Value, json};

use crate::cluster::Unit;
use crate::gitops::Plan;

use super::finding::{Finding, Rule};
use super::schemas::group_version_kind;
use super::{Checked, kustomizations, objects, sealed};
use crate::fields::texts;

/// Lists what keeps the objects of a Kustomization from being made, each field at fault.
pub(super) fn check(checked: &mut Checked<'_>, unit: &Unit) {
    let Some(made) = unit.made() else { return };
    if made.problems.is_empty() {
        return;
    }
    let known = unit.plan.as_ref().map(|plan| checked.cluster.world.values(plan, &unit.name.namespace));
    let values = known.map(|known| known.values).unwrap_or_default();
    let options = Substitution { always: true, keep: values.are_partial, ..Substitution::default() };
    for problem in &made.problems {
        let Some(object) = &problem.object else {
            let finding = kustomizations::finding(checked, unit, problem, Rule::Build);
            checked.findings.push(finding);
            continue;
        };
        let object = &placed(checked, unit, object);
        let id = id(object);
        // It may be wrong in more than what it failed for; but what is still encrypted is not what its kind asks for yet.
        let mistakes = if sealed::is_closed(object) { Vec::new() } else { checked.kinds.mistakes(object, true) };
        let is_told = |field: &str| mistakes.iter().any(|mistake| mistake.field.starts_with(field));
        let mut faults = wrong_texts(object, &values.values, &options);
        if faults.is_empty() && !problem.field.as_deref().is_some_and(is_told) {
            faults.push((problem.field.as_deref().unwrap_or_default().to_owned(), problem.cause.clone()));
        }
        for mistake in &mistakes {
            objects::of_mistake(checked, unit, &id, object, mistake);
        }
        for (field, text) in faults {
            let place = checked.places.field_of(unit, &id, &field);
            checked.findings.push(Finding::error(place, Rule::Build, unit.mask().text(&text)).of(&id));
        }
    }
}

/// The texts in which variables cannot be replaced, with their fields.
fn wrong_texts(object: &Value, values: &BTreeMap<String, String>, options: &Substitution) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    texts(object, &mut |field, text| {
        let error = text.contains("${").then(|| substitute(&json!({ "text": text }), values, options).err()).flatten();
        faults.extend(error.map(|error| (field.to_owned(), format!("{field}: {}", error.cause()))));
    });
    faults
}

/// An object in the namespace that it would be given.
fn placed(checked: &Checked<'_>, unit: &Unit, object: &Value) -> Value {
    let mut object = object.clone();
    let (group, version, kind) = group_version_kind(&object);
    let is_namespaced = checked.cluster.world.scopes.is_namespaced(group, version, kind) == Some(true);
    let namespace = unit.plan.as_ref().and_then(Plan::default_namespace).filter(|_| is_namespaced);
    if let (Some(namespace), Some(metadata)) = (namespace, object["metadata"].as_object_mut()) {
        metadata.entry("namespace").or_insert_with(|| namespace.into());
    }
    object
}

/// Which object it is, as far as it says so.
fn id(object: &Value) -> ObjectId {
    let (group, _, kind) = group_version_kind(object);
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    ObjectId { namespace: text("namespace"), name: text("name"), group: group.to_owned(), kind: kind.to_owned() }
}
