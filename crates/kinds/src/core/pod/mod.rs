//! Pods.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["po"],
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "Pod", "pods", "pod", "io.k8s.api.core.v1.Pod")
};
