//! What of a FluxInstance has no effect, since cowherd does the work of Flux's controllers itself.

use cowherd_api::flux::controlplane::v1::FluxInstanceSpec;
use cowherd_api::supported::{self, Idle};
use cowherd_yaml::{Dialect, Limits, parse_first_document};
use serde_json::Value;

/// For which kind a controller of Flux is there.
const KINDS: [(&str, &str, &str); 7] = [
    ("source-controller", "source.toolkit.fluxcd.io", "GitRepository"),
    ("kustomize-controller", "kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm-controller", "helm.toolkit.fluxcd.io", "HelmRelease"),
    ("notification-controller", "notification.toolkit.fluxcd.io", "Receiver"),
    ("source-watcher", "source.extensions.fluxcd.io", "ArtifactGenerator"),
    ("image-reflector-controller", "image.toolkit.fluxcd.io", "ImageRepository"),
    ("image-automation-controller", "image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
];

/// Whether cowherd does the work of a controller.
fn is_done(component: &str) -> bool {
    let kind = KINDS.into_iter().find(|(name, ..)| *name == component);
    kind.and_then(|(_, group, kind)| supported::find(group, kind)).is_some_and(|kind| kind.is_done)
}

/// The controllers of Flux whose work cowherd does.
pub(crate) fn components() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().map(|(name, ..)| name).filter(|name| is_done(name))
}

/// Where a patch without a target says itself what it is for: whether that is one of the objects that are followed.
pub(super) fn is_for_sync(patch: &Value, source: &str) -> bool {
    let text = patch["patch"].as_str().unwrap_or_default();
    let document = parse_first_document(text.as_bytes(), Dialect::Kustomize, &Limits::default()).ok().flatten();
    let kind = document.as_ref().and_then(|document| document.value["kind"].as_str());
    // What says of no kind what it is for is told as a mistake.
    kind.is_none_or(|kind| kind == source || kind == "Kustomization")
}

/// What has no effect, in a sentence. The patches at the places `idle` have none.
pub(super) fn told(spec: &FluxInstanceSpec, idle: &[usize]) -> String {
    /// How many are named.
    const NAMED: usize = 16;
    let written = serde_json::to_value(spec).unwrap_or_default();
    let fields = supported::IDLE_OF_FLUX_INSTANCE.iter().filter(|field| is_said(&written, field));
    let fields = fields.map(|field| format!("spec.{}", field.field));
    let all = fields.chain(idle.iter().map(|place| format!("spec.kustomize.patches[{place}]")));
    let told = format!(
        "cowherd is the Flux of this cluster and installs no controllers, so these have no effect: {}",
        cowherd_text::listed(all, NAMED)
    );
    let missing: Vec<&String> = spec.components.iter().filter(|component| !is_done(component)).collect();
    match missing.is_empty() {
        true => told,
        false => {
            format!("{told}; of spec.components, nobody here does the work of {}", cowherd_text::listed(missing, NAMED))
        }
    }
}

/// Whether the spec has the field, and something else in it than what holds anyway.
fn is_said(spec: &Value, field: &Idle) -> bool {
    let pointer = format!("/{}", field.field.replace('.', "/"));
    let written = spec.pointer(&pointer).map(ToString::to_string);
    written.is_some_and(|written| field.holds.is_none_or(|holds| written != holds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(more: Value) -> FluxInstanceSpec {
        let mut full = json!({ "distribution": { "version": "2.x", "registry": "ghcr.io/fluxcd" } });
        full.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(full).unwrap()
    }

    #[test]
    fn what_is_about_controllers_is_named_and_what_holds_anyway_is_not() {
        let of = |more: Value| told(&spec(more), &[1]).split_once("effect: ").unwrap().1.to_owned();
        assert_eq!(of(json!({})), "spec.distribution, spec.kustomize.patches[1]");
        let defaults = json!({ "domain": "cluster.local", "multitenant": true, "multitenantWorkloadIdentity": false,
            "networkPolicy": true, "type": "kubernetes", "tenantDefaultServiceAccount": "flux" });
        assert_eq!(
            of(json!({ "cluster": defaults, "migrateResources": true })),
            "spec.distribution, spec.kustomize.patches[1]"
        );
        let others = json!({ "domain": "example.org", "networkPolicy": false, "type": "aws", "size": "large",
            "objectLevelWorkloadIdentity": true });
        let spec = json!({ "cluster": others, "migrateResources": false, "storage": { "class": "a", "size": "1Gi" },
            "sharding": { "shards": ["a"] } });
        assert_eq!(
            of(spec),
            "spec.distribution, spec.sharding, spec.storage, spec.migrateResources, spec.cluster.domain, spec.cluster.networkPolicy, \
             spec.cluster.type, spec.cluster.size, spec.cluster.objectLevelWorkloadIdentity, spec.kustomize.patches[1]"
        );
    }

    #[test]
    fn controllers_are_those_whose_work_is_done() {
        let done: Vec<&str> = components().collect();
        assert!(done.contains(&"source-controller") && done.contains(&"source-watcher"), "{done:?}");
        assert!(KINDS.iter().all(|(_, group, kind)| supported::find(group, kind).is_some()));
        let said = told(&spec(json!({ "components": ["source-controller", "other-controller"] })), &[]);
        assert!(said.ends_with("; of spec.components, nobody here does the work of other-controller"), "{said}");
    }

    #[test]
    fn a_patch_without_a_target_says_itself_what_it_is_for() {
        let patch = |text: &str| json!({ "patch": text });
        assert!(is_for_sync(&patch("kind: Kustomization\nmetadata: {name: a}\n"), "Bucket"));
        assert!(is_for_sync(&patch("kind: Bucket\n"), "Bucket") && is_for_sync(&patch("- op: add\n"), "Bucket"));
        assert!(!is_for_sync(&patch("kind: Deployment\n"), "Bucket"));
    }
}
