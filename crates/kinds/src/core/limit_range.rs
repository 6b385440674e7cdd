//! LimitRanges: bounds and defaults for the resources of a namespace.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["limits"],
    ..Kind::namespaced(super::V1, "LimitRange", "limitranges", "limitrange", "io.k8s.api.core.v1.LimitRange")
};
