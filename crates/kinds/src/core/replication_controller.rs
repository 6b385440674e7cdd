//! ReplicationControllers.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["rc"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(
        super::V1,
        "ReplicationController",
        "replicationcontrollers",
        "replicationcontroller",
        "io.k8s.api.core.v1.ReplicationController",
    )
};
