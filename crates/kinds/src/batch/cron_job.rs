//! CronJobs.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    short_names: &["cj"],
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::namespaced(super::V1, "CronJob", "cronjobs", "cronjob", "io.k8s.api.batch.v1.CronJob")
};
