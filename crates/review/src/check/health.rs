//! What Kustomizations wait for that can never be healthy, since it can never be.

use std::collections::HashSet;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::supported;
use serde_json::json;

use crate::cluster::Unit;
use crate::gitops::KUSTOMIZE;

use super::Checked;
use super::finding::{Rule, Severity};
use super::schemas::Kinds;

/// The kinds of which nothing but what is described makes any.
const DESCRIBED: [&str; 2] = ["Kustomization", "HelmRelease"];

/// Lists health checks of kinds that nothing serves, and of objects that nobody describes.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    // Releases bring objects that nothing here knows of.
    let has_releases = cluster.units.values().flat_map(|unit| unit.objects()).any(|one| one.id().kind == "HelmRelease");
    // That nothing serves their kinds is told of them.
    let all = cluster.units.values().flat_map(|unit| unit.objects());
    let described: HashSet<(&str, &str)> = all.map(|one| (one.id().group.as_str(), one.id().kind.as_str())).collect();
    for unit in cluster.units.values().filter(|unit| unit.target().is_none()) {
        for (index, one) in unit.kustomization.spec.health_checks.iter().enumerate() {
            let (api_version, kind) = (one.api_version.as_deref().unwrap_or("apps/v1"), one.kind.as_str());
            let field = format!("spec.healthChecks[{index}]");
            let namespace = one.namespace.as_deref().unwrap_or(&unit.name.namespace);
            let is_served = checked.kinds.serves(&json!({ "apiVersion": api_version, "kind": kind }));
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            if let Some(served) = checked.kinds.served_as(group, kind).filter(|_| !is_served) {
                let instead = supported::write_instead(kind, &served);
                let text = format!("{field}: the kind {kind} is served as {served}, not as {api_version}; {instead}");
                checked.about(unit, &field, Severity::Error, Rule::UnservedKind, text);
            } else if !is_served && !described.contains(&(group, kind)) && !checked.lost.may_define(kind) {
                let what = format!("the kind {kind} of {api_version}");
                let (severity, text) = if !Kinds::in_kubernetes(group, kind).is_empty() {
                    let told = format!("of cowherd serves {what}: it is never healthy but on a real cluster that does");
                    (Severity::Warning, told)
                } else if checked.unseen.may_define() {
                    let told =
                        format!("serves {what}: it is never healthy unless that comes with what is from elsewhere");
                    (Severity::Warning, told)
                } else {
                    (Severity::Error, format!("serves {what}, so that it is never healthy"))
                };
                let text = format!("{field}: nothing {text}");
                checked.about(unit, &field, severity, Rule::UnservedKind, text);
            } else if is_served && (DESCRIBED.contains(&kind) || !has_releases) {
                missing(checked, unit, &field, (kind, namespace, &one.name));
            }
        }
    }
}

fn missing(checked: &mut Checked<'_>, unit: &Unit, field: &str, (kind, namespace, name): (&str, &str, &str)) {
    let is_cluster_wide = checked.there.has(None, kind, "", name);
    if let Some(nowhere) = checked.nowhere(None, kind, namespace, name).filter(|_| !is_cluster_wide) {
        let text = format!("{field}: {nowhere}, and it is waited for until the timeout");
        checked.about(unit, field, Severity::Warning, Rule::Reference, text);
    }
}

/// Whether a Kustomization waits until another one is healthy that it describes.
pub(super) fn waits_for(kustomization: &Kustomization, namespace: &str, name: &str) -> bool {
    let spec = &kustomization.spec;
    let is_named = spec.health_checks.iter().any(|one| {
        let is_kind =
            one.kind == "Kustomization" && one.api_version.as_deref().is_some_and(|one| one.starts_with(KUSTOMIZE));
        is_kind && one.name == name && one.namespace.as_deref().unwrap_or(namespace) == namespace
    });
    spec.wait == Some(true) || is_named
}
