//! The group policy: PodDisruptionBudgets.

use crate::kind::Kind;
use crate::strategy::Generations;

const V1: (&str, &str) = ("policy", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["pdb"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(
        V1,
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        "io.k8s.api.policy.v1.PodDisruptionBudget",
    )
};
