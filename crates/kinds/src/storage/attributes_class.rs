//! VolumeAttributesClasses.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["vac"],
    ..Kind::cluster(
        super::V1,
        "VolumeAttributesClass",
        "volumeattributesclasses",
        "volumeattributesclass",
        "io.k8s.api.storage.v1.VolumeAttributesClass",
    )
};
