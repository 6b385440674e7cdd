//! DaemonSets.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ds"],
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "DaemonSet", "daemonsets", "daemonset", "io.k8s.api.apps.v1.DaemonSet")
};
