//! PersistentVolumes.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["pv"],
    status: true,
    ..Kind::cluster(
        super::V1,
        "PersistentVolume",
        "persistentvolumes",
        "persistentvolume",
        "io.k8s.api.core.v1.PersistentVolume",
    )
};
