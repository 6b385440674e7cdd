//! VolumeAttachments.

use cowherd_schema::FieldPath;
use serde_json::{Value, json};

use crate::checks;
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{ALL_METADATA, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    status: true,
    status_keeps: ALL_METADATA,
    rules: Rules {
        create: |attachment| attachment.put("status", json!({"attached": false})),
        validate: |attachment, errors| {
            let path = FieldPath::new("spec");
            checks::required(&attachment["spec"], "attacher", &path, errors);
            checks::required(&attachment["spec"], "nodeName", &path, errors);
        },
        validate_update: |new, old, errors| {
            checks::immutable(&new["spec"], &old["spec"], &FieldPath::new("spec"), errors);
        },
        columns: &[
            NAME,
            Column::text("Attacher", "Who attaches the volume."),
            Column::text("PV", "The volume."),
            Column::text("Node", "The node that it is attached to."),
            Column::text("Attached", "Whether it is."),
            AGE,
        ],
        cells: |attachment, now| {
            let spec = &attachment["spec"];
            let volume: Value = spec["source"].text("persistentVolumeName").into();
            vec![
                table::name(attachment),
                spec.text("attacher").into(),
                volume,
                spec.text("nodeName").into(),
                attachment["status"].flag("attached").into(),
                table::age(attachment, now),
            ]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "VolumeAttachment",
        "volumeattachments",
        "volumeattachment",
        "io.k8s.api.storage.v1.VolumeAttachment",
    )
};
