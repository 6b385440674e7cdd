//! Whether objects are what their kinds ask for, and whether anything serves those.

use std::collections::{BTreeMap, HashSet};

use cowherd_api::supported;
use cowherd_apply::{Manifest, ObjectId, mask};
use serde_json::Value;

use crate::cluster::Unit;
use crate::fields;
use crate::gitops::Plan;

use super::finding::{Finding, Rule, Severity};
use super::schemas::{Kinds, Mistake, group_version_kind};
use super::{Checked, Described, gates, variables};

/// Lists what is wrong with objects. What no kind is known of, and what nothing acts on, is told together for each kind.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut unserved = ByKind::new();
    let mut idle = ByKind::new();
    for unit in cluster.units.values() {
        let encrypted: HashSet<&ObjectId> =
            unit.made().map(|made| made.closed.iter().chain(&made.encrypted).collect()).unwrap_or_default();
        let may_get_values = variables::may_get_values(checked, unit);
        for object in unit.objects().iter().filter(|object| !encrypted.contains(object.id())) {
            let key = (object.versioned().api_version(), object.id().kind.clone());
            if !checked.kinds.serves(object.object()) {
                unserved.entry(key).or_default().push((unit, object));
                continue;
            }
            of_object(checked, unit, object, may_get_values);
            if is_idle(checked, object) {
                idle.entry(key).or_default().push((unit, object));
            }
        }
    }
    of_unserved(checked, unserved);
    of_idle(checked, idle);
}

type ByKind<'a> = BTreeMap<(String, String), Vec<Described<'a>>>;

/// Whether an object would be there and nothing would come of it.
pub(super) fn is_idle(checked: &Checked<'_>, object: &Manifest) -> bool {
    let (id, value) = (object.id(), object.object());
    let may_lack = checked.context.actors.may_lack(&id.group, &id.kind, checked.kinds.has_status(value));
    may_lack && cowherd_apply::needs_a_controller(value)
}

fn of_idle(checked: &mut Checked<'_>, idle: ByKind<'_>) {
    for objects in idle.into_values() {
        let Some((unit, first)) = objects.first() else { continue };
        let (place, others) = (checked.places.field(unit, first, "kind"), checked.others(&objects, "kind"));
        let finding = Finding::warning(place, Rule::NoController, self::idle(first)).of(first.id());
        checked.findings.push(Finding { others, ..finding });
    }
}

/// That nothing comes of an object, in words.
pub(super) fn idle(object: &Manifest) -> String {
    let id = object.id();
    let is_balancer = id.kind == "Service" && id.group.is_empty();
    let what = if is_balancer { "Service of type LoadBalancer" } else { &id.kind };
    format!("the control plane of cowherd has no controller for {what}: what describes it is not Ready there")
}

/// That nothing serves a kind, in words, and how bad that is: what comes from elsewhere may bring its definition.
pub(super) fn unserved(checked: &mut Checked<'_>, group: &str, api_version: &str, kind: &str) -> (Severity, String) {
    let error = |text| (Severity::Error, text);
    if let Some(served) = checked.kinds.served_as(group, kind) {
        let instead = supported::write_instead(kind, &served);
        return error(format!("the kind {kind} is served as {served}, not as {api_version}; {instead}"));
    }
    match supported::find(group, kind) {
        Some(known) if !known.is_done => error(format!(
            "cowherd does not do the kind {kind} of {api_version} yet; leave it out, or say by --with FILE that the cluster has it"
        )),
        _ if supported::is_of_kubernetes(group) => {
            if let Some(text) = of_real_clusters(group, api_version, kind) {
                return (Severity::Warning, text);
            }
            error(format!("cowherd does not serve the kind {kind} of {api_version}; correct its name, or leave it out"))
        }
        // Who that may be is told once.
        _ if checked.unseen.may_define() => {
            let text = format!(
                "nothing in the repository serves the kind {kind} of {api_version}, so that this is not checked: what comes from \
                 elsewhere may bring its CustomResourceDefinition"
            );
            (Severity::Warning, text)
        }
        _ => error(format!(
            "nothing serves the kind {kind} of {api_version}; add its CustomResourceDefinition, or say what the cluster has by \
             --with FILE"
        )),
    }
}

/// That a cluster of Kubernetes may serve a kind that cowherd does not serve, in words. `None` where Kubernetes has no such kind.
pub(super) fn of_real_clusters(group: &str, api_version: &str, kind: &str) -> Option<String> {
    let versions = Kinds::in_kubernetes(group, kind);
    if versions.is_empty() {
        return None;
    }
    let as_which = match versions.iter().any(|version| version == api_version) {
        true => String::new(),
        false => format!(" (Kubernetes 1.35 has it as {})", versions.join(" and ")),
    };
    Some(format!(
        "cowherd does not serve the kind {kind} of {api_version}, so that this is not checked: a real cluster may serve it{as_which}; \
         leave it out for the control plane of cowherd"
    ))
}

fn of_unserved(checked: &mut Checked<'_>, unserved: ByKind<'_>) {
    for ((api_version, kind), objects) in unserved {
        let Some((unit, first)) = objects.first() else { continue };
        let group = &first.id().group;
        let is_served = checked.kinds.served_as(group, &kind).is_some();
        let field = if is_served { "apiVersion" } else { "kind" };
        let place = checked.places.field(unit, first, field);
        let is_known = is_served || supported::find(group, &kind).is_some_and(|known| !known.is_done);
        if !is_known && !supported::is_of_kubernetes(group) && checked.lost.may_define(&kind) {
            continue;
        }
        let (severity, text) = self::unserved(checked, group, &api_version, &kind);
        let others = checked.others(&objects, field);
        let finding = Finding::error(place, Rule::UnservedKind, text).of(first.id());
        checked.findings.push(Finding { severity, others, ..finding });
    }
}

fn of_object(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest, may_get_values: bool) {
    let value = object.object();
    let (group, version, kind) = group_version_kind(value);
    let is_lost = checked.cluster.world.scopes.is_namespaced(group, version, kind) == Some(true)
        && object.id().namespace.is_empty()
        && unit.plan.as_ref().is_some_and(|plan: &Plan| plan.default_namespace().is_none());
    let replaces = variables::replaces(unit);
    let is_open = may_get_values && !cowherd_render::is_not_substituted(value);
    for mut mistake in checked.kinds.mistakes(value, is_open) {
        if is_lost && mistake.field == "metadata.namespace" {
            // It is told better.
            continue;
        }
        let former =
            mistake.text.starts_with("unknown field").then(|| supported::instead_of(group, kind, &mistake.field));
        if let Some(instead) = former.flatten() {
            mistake.text.push_str(&format!("; {instead}"));
        }
        let text = fields::text_at(value, &mistake.field).filter(|_| !replaces);
        if let Some(name) = text.and_then(|text| variables::variables(text).next()) {
            mistake.text.push_str(&format!("; {}", variables::stays(&name)));
        }
        of_mistake(checked, unit, object.id(), value, &mistake);
    }
    if value["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty()) {
        let place = checked.places.field(unit, object, "metadata.ownerReferences");
        let text = "metadata.ownerReferences: owners are told by their uid, which another cluster does not have: it deletes the \
                    object again at once; leave them out";
        checked.findings.push(Finding::warning(place, Rule::Reference, text).of(object.id()));
    }
    if is_lost {
        let place = checked.places.field(unit, object, "metadata");
        let text = "metadata.namespace: it names no namespace, and its Kustomization gives it none; set it, or \
                    spec.targetNamespace, or namespace in a kustomization.yaml";
        checked.findings.push(Finding::error(place, Rule::Schema, text).of(object.id()));
    }
}

/// Lists a mistake of an object.
pub(super) fn of_mistake(checked: &mut Checked<'_>, unit: &Unit, id: &ObjectId, object: &Value, mistake: &Mistake) {
    let place = checked.places.field_of(unit, id, &mistake.field);
    let (severity, text) = gates::judged(object, mistake);
    let text = unit.mask().text(&mask::message(object, &text));
    let finding = Finding::error(place, Rule::Schema, text).of(id);
    checked.findings.push(Finding { severity, ..finding });
}
