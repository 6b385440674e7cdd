//! ResourceQuotas: what a namespace may use in all.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["quota"],
    status: true,
    ..Kind::namespaced(
        super::V1,
        "ResourceQuota",
        "resourcequotas",
        "resourcequota",
        "io.k8s.api.core.v1.ResourceQuota",
    )
};
