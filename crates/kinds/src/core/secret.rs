//! Secrets. Their values never appear in errors or tables.

use crate::kind::Kind;

pub(crate) const KIND: Kind =
    Kind { ..Kind::namespaced(super::V1, "Secret", "secrets", "secret", "io.k8s.api.core.v1.Secret") };
