//! What CSI drivers say of themselves: CSIDrivers, CSINodes, CSIStorageCapacities.

use crate::kind::Kind;

pub(crate) const DRIVER: Kind =
    Kind { ..Kind::cluster(super::V1, "CSIDriver", "csidrivers", "csidriver", "io.k8s.api.storage.v1.CSIDriver") };

pub(crate) const NODE: Kind =
    Kind { ..Kind::cluster(super::V1, "CSINode", "csinodes", "csinode", "io.k8s.api.storage.v1.CSINode") };

pub(crate) const CAPACITY: Kind = Kind {
    ..Kind::namespaced(
        super::V1,
        "CSIStorageCapacity",
        "csistoragecapacities",
        "csistoragecapacity",
        "io.k8s.api.storage.v1.CSIStorageCapacity",
    )
};
