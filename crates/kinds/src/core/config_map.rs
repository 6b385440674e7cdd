//! ConfigMaps: plain settings.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["cm"],
    ..Kind::namespaced(super::V1, "ConfigMap", "configmaps", "configmap", "io.k8s.api.core.v1.ConfigMap")
};
