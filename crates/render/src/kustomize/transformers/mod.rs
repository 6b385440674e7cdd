//! What changes objects, one file for each field of a kustomization.

pub(crate) mod annotations;
pub(crate) mod config;
pub(crate) mod images;
pub(crate) mod labels;
pub(crate) mod names;
pub(crate) mod namespace;
pub(crate) mod references;
pub(crate) mod replacements;
pub(crate) mod replicas;
pub(crate) mod vars;
