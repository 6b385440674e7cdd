//! The group networking.k8s.io.

pub(crate) mod ingress;
pub(crate) mod ingress_class;
pub(crate) mod ip_address;
pub(crate) mod network_policy;
pub(crate) mod service_cidr;

/// The group and version of the kinds here.
const V1: (&str, &str) = ("networking.k8s.io", "v1");
