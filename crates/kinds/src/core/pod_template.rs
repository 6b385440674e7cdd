//! PodTemplates.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const KIND: Kind = Kind {
    generations: Generations::With(&["template"]),
    ..Kind::namespaced(super::V1, "PodTemplate", "podtemplates", "podtemplate", "io.k8s.api.core.v1.PodTemplate")
};
