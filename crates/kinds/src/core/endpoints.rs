//! Endpoints: the addresses behind a Service, in the old form.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ep"],
    ..Kind::namespaced(super::V1, "Endpoints", "endpoints", "endpoints", "io.k8s.api.core.v1.Endpoints")
};
