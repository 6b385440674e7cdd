//! Namespaces.

use crate::kind::Kind;
use crate::names::NameRule;

pub(crate) const KIND: Kind = Kind {
    short_names: &["ns"],
    status: true,
    names: NameRule::Label,
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    ..Kind::cluster(super::V1, "Namespace", "namespaces", "namespace", "io.k8s.api.core.v1.Namespace")
};
