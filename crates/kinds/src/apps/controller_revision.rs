//! ControllerRevisions: what a StatefulSet or DaemonSet was before.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    ..Kind::namespaced(
        super::V1,
        "ControllerRevision",
        "controllerrevisions",
        "controllerrevision",
        "io.k8s.api.apps.v1.ControllerRevision",
    )
};
