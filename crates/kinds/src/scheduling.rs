//! The group scheduling.k8s.io: PriorityClasses.

use crate::kind::Kind;
use crate::strategy::Generations;

const V1: (&str, &str) = ("scheduling.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["pc"],
    generations: Generations::Fixed,
    ..Kind::cluster(V1, "PriorityClass", "priorityclasses", "priorityclass", "io.k8s.api.scheduling.v1.PriorityClass")
};
