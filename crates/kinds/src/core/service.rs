//! Services.

use crate::kind::Kind;
use crate::names::NameRule;

pub(crate) const KIND: Kind = Kind {
    short_names: &["svc"],
    categories: &["all"],
    status: true,
    names: NameRule::Service,
    ..Kind::namespaced(super::V1, "Service", "services", "service", "io.k8s.api.core.v1.Service")
};
