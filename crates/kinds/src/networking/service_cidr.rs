//! ServiceCIDRs.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    status: true,
    ..Kind::cluster(super::V1, "ServiceCIDR", "servicecidrs", "servicecidr", "io.k8s.api.networking.v1.ServiceCIDR")
};
