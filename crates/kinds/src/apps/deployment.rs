//! Deployments.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["deploy"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SpecAndAnnotations,
    ..Kind::namespaced(super::V1, "Deployment", "deployments", "deployment", "io.k8s.api.apps.v1.Deployment")
};
