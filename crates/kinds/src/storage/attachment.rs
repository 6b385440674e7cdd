//! VolumeAttachments.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    status: true,
    ..Kind::cluster(
        super::V1,
        "VolumeAttachment",
        "volumeattachments",
        "volumeattachment",
        "io.k8s.api.storage.v1.VolumeAttachment",
    )
};
