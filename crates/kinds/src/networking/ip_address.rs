//! IPAddresses.

use crate::kind::Kind;
use crate::names::NameRule;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ip"],
    names: NameRule::IpAddress,
    ..Kind::cluster(super::V1, "IPAddress", "ipaddresses", "ipaddress", "io.k8s.api.networking.v1.IPAddress")
};
