//! PersistentVolumeClaims.

use serde_json::Value;

use crate::json::Fill;
use crate::kind::Kind;
use crate::quantity;

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

pub(crate) fn default_spec(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    spec.fill_zero("volumeMode", "Filesystem");
    if let Some(resources) = spec.inner("resources") {
        quantity::canonicalize_map(resources.inner("requests"));
        quantity::canonicalize_map(resources.inner("limits"));
    }
}
