//! StorageClasses.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["sc"],
    ..Kind::cluster(super::V1, "StorageClass", "storageclasses", "storageclass", "io.k8s.api.storage.v1.StorageClass")
};
