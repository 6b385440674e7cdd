//! PersistentVolumeClaims.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["pvc"],
    status: true,
    ..Kind::namespaced(
        super::V1,
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        "io.k8s.api.core.v1.PersistentVolumeClaim",
    )
};
