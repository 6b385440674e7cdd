//! The group storage.k8s.io.

pub(crate) mod attachment;
pub(crate) mod attributes_class;
pub(crate) mod class;
pub(crate) mod csi;

/// The group and version of the kinds here.
const V1: (&str, &str) = ("storage.k8s.io", "v1");
