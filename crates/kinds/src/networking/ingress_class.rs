//! IngressClasses.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    generations: Generations::SPEC,
    ..Kind::cluster(
        super::V1,
        "IngressClass",
        "ingressclasses",
        "ingressclass",
        "io.k8s.api.networking.v1.IngressClass",
    )
};
