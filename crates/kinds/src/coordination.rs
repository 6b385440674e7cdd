//! The group coordination.k8s.io: Leases.

use crate::kind::Kind;

const V1: (&str, &str) = ("coordination.k8s.io", "v1");

pub(crate) const KIND: Kind =
    Kind { ..Kind::namespaced(V1, "Lease", "leases", "lease", "io.k8s.api.coordination.v1.Lease") };
