//! Nodes: the machines.

use crate::kind::Kind;

pub(crate) const KIND: Kind = Kind {
    short_names: &["no"],
    status: true,
    ..Kind::cluster(super::V1, "Node", "nodes", "node", "io.k8s.api.core.v1.Node")
};
