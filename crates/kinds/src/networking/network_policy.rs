//! NetworkPolicies.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["netpol"],
    generations: Generations::SPEC,
    ..Kind::namespaced(
        super::V1,
        "NetworkPolicy",
        "networkpolicies",
        "networkpolicy",
        "io.k8s.api.networking.v1.NetworkPolicy",
    )
};
