//! The only place that knows the crate of the agents: how a Kustomization or a HelmRelease is read, and what it makes of a tree.

pub use cowherd_gitops::{
    Elsewhere, Generated, Generator, GeneratorSource, Made, NamespacedName, OfflineProblem as Problem, Plan,
    ReleasePlan, Released, SetPlan, SourceRefusal, Unmade, Values, WrongExpression, WrongFilter, artifact_refusal,
    bucket_refusal, refusal, wrong_expression, wrong_expressions, wrong_filters,
};

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_render::Helm;
use serde_json::Value;

/// The group of Kustomizations.
pub const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
/// The name, and the namespace, of what everything grows from.
pub const ROOT: &str = "flux-system";

/// The time and the chance that charts get: the same for both sides of a comparison, so that nothing differs for them.
pub fn helm() -> Helm {
    Helm { seed: b"review".to_vec(), ..Helm::default() }
}

/// The name of a Kustomization.
pub fn name(kustomization: &Kustomization) -> NamespacedName {
    NamespacedName::of(kustomization)
}

/// Whether `object` is a Kustomization of Flux.
pub fn is_kustomization(object: &Value) -> bool {
    let group = object["apiVersion"].as_str().and_then(|version| version.split('/').next());
    group == Some(KUSTOMIZE) && object["kind"] == "Kustomization"
}

/// What `cowherd up` would put into a cluster to follow `path`.
pub fn root(path: &str) -> Option<Kustomization> {
    let object = serde_json::json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": ROOT, "namespace": ROOT,
            "annotations": { cowherd_api::flux::annotations::DEFAULT_NAMESPACE: "default" } },
        "spec": { "interval": "10m0s", "path": path, "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": ROOT } },
    });
    serde_json::from_value(object).ok()
}
