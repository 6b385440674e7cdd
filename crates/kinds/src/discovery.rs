//! The group discovery.k8s.io: EndpointSlices.

use crate::kind::Kind;
use crate::strategy::Generations;

const V1: (&str, &str) = ("discovery.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    generations: Generations::With(&["endpoints", "ports", "addressType"]),
    ..Kind::namespaced(V1, "EndpointSlice", "endpointslices", "endpointslice", "io.k8s.api.discovery.v1.EndpointSlice")
};
