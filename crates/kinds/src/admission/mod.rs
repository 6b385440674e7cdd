//! The group admissionregistration.k8s.io.

pub(crate) mod policy;
pub(crate) mod webhook;

/// The group and version of the kinds here.
const V1: (&str, &str) = ("admissionregistration.k8s.io", "v1");
