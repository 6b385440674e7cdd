//! Ingresses.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ing"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "Ingress", "ingresses", "ingress", "io.k8s.api.networking.v1.Ingress")
};
