//! The group rbac.authorization.k8s.io: roles and who has them.

use crate::kind::Kind;
use crate::names::NameRule;

const V1: (&str, &str) = ("rbac.authorization.k8s.io", "v1");

pub(crate) const CLUSTER_ROLE: Kind = Kind {
    names: NameRule::PathSegment,
    ..Kind::cluster(V1, "ClusterRole", "clusterroles", "clusterrole", "io.k8s.api.rbac.v1.ClusterRole")
};

pub(crate) const CLUSTER_ROLE_BINDING: Kind = Kind {
    names: NameRule::PathSegment,
    ..Kind::cluster(
        V1,
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        "io.k8s.api.rbac.v1.ClusterRoleBinding",
    )
};

pub(crate) const ROLE: Kind =
    Kind { names: NameRule::PathSegment, ..Kind::namespaced(V1, "Role", "roles", "role", "io.k8s.api.rbac.v1.Role") };

pub(crate) const ROLE_BINDING: Kind = Kind {
    names: NameRule::PathSegment,
    ..Kind::namespaced(V1, "RoleBinding", "rolebindings", "rolebinding", "io.k8s.api.rbac.v1.RoleBinding")
};
