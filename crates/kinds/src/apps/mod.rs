//! The group apps.

pub(crate) mod controller_revision;
pub(crate) mod daemon_set;
pub(crate) mod deployment;
pub(crate) mod replica_set;
pub(crate) mod stateful_set;
pub(crate) mod workload;

/// The group and version of the kinds here.
const V1: (&str, &str) = ("apps", "v1");
