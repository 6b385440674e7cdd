//! The group apiextensions.k8s.io: CustomResourceDefinitions.

use crate::kind::Kind;
use crate::strategy::Generations;

const V1: (&str, &str) = ("apiextensions.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::cluster(
        V1,
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "customresourcedefinition",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    )
};
