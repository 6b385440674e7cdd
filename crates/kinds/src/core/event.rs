//! Events: what happened to an object.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ev"],
    ..Kind::namespaced(super::V1, "Event", "events", "event", "io.k8s.api.core.v1.Event")
};
