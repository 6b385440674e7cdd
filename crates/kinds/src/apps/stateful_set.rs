//! StatefulSets.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["sts"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "StatefulSet", "statefulsets", "statefulset", "io.k8s.api.apps.v1.StatefulSet")
};
