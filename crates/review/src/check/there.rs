//! Which objects are there once everything is applied.

use std::collections::HashSet;

use cowherd_apply::{Manifest, ObjectId};

use crate::cluster::Cluster;
use crate::gitops::ROOT;

/// The kinds of which every namespace has one called `default`, or every cluster some.
const ALWAYS: [(&str, &str); 4] = [
    ("ServiceAccount", "default"),
    ("PriorityClass", "system-cluster-critical"),
    ("PriorityClass", "system-node-critical"),
    ("ConfigMap", "kube-root-ca.crt"),
];

/// The accounts of the agents, which those who install them make, and their namespace.
const AGENTS: [&str; 2] = ["kustomize-controller", "helm-controller"];

/// An object: the cluster that it goes to, if another one, its kind, its namespace and its name.
type Key = (Option<String>, String, String, String);

/// The objects that a cluster has by what is described for it and what was given.
pub(super) struct There(HashSet<Key>);

impl There {
    /// What is described for a cluster, given, and made of charts.
    pub(super) fn of<'m>(
        cluster: &Cluster,
        given: &[serde_json::Value],
        released: impl Iterator<Item = &'m Manifest>,
    ) -> Self {
        let key =
            |target: Option<String>, id: &ObjectId| (target, id.kind.clone(), id.namespace.clone(), id.name.clone());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let described = cluster.units.values().flat_map(|unit| {
            let target = unit.target();
            unit.objects().iter().map(move |object| key(target.clone(), object.id()))
        });
        let given = given.iter().map(|object| {
            let metadata = &object["metadata"];
            (None, text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
        });
        let released = released.map(|object| key(None, object.id()));
        Self(described.chain(given).chain(released).collect())
    }

    /// Whether an object is there, or always is.
    pub(super) fn has(&self, target: Option<&String>, kind: &str, namespace: &str, name: &str) -> bool {
        let key = (target.cloned(), kind.to_owned(), namespace.to_owned(), name.to_owned());
        let is_of_agents = kind == "ServiceAccount" && namespace == ROOT && AGENTS.contains(&name);
        is_of_agents || ALWAYS.contains(&(kind, name)) || self.0.contains(&key)
    }

    /// Whether an account is there whose rights are described with it: those of the agents come with the agents.
    pub(super) fn has_known_account(&self, namespace: &str, name: &str) -> bool {
        let kind = "ServiceAccount";
        let key = (None, kind.to_owned(), namespace.to_owned(), name.to_owned());
        ALWAYS.contains(&(kind, name)) || self.0.contains(&key)
    }
}
