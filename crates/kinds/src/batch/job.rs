//! Jobs.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "Job", "jobs", "job", "io.k8s.api.batch.v1.Job")
};
