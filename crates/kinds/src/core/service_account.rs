//! ServiceAccounts.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["sa"],
    ..Kind::namespaced(
        super::V1,
        "ServiceAccount",
        "serviceaccounts",
        "serviceaccount",
        "io.k8s.api.core.v1.ServiceAccount",
    )
};
