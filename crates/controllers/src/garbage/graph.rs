//! Who owns whom, of all objects of the cluster: identities and references, no content.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// The uid of an object.
pub type Uid = Arc<str>;

/// Kubernetes' finalizer of a foreground deletion.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Kubernetes' finalizer of a deletion that leaves dependents behind.
pub const ORPHAN: &str = "orphan";

/// An object as the collector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Group and kind.
    pub kind: Arc<(String, String)>,
    /// The namespace; empty for objects of the cluster.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
    /// The owners that it names.
    pub owners: Box<[OwnerReference]>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether its deletion waits for dependents.
    pub foreground: bool,
    /// Whether its deletion waits for dependents to be released.
    pub orphan: bool,
}

impl Node {
    /// The node of an object of the given kind.
    pub fn new(kind: &Arc<(String, String)>, metadata: &ObjectMeta) -> Self {
        let has = |finalizer: &str| metadata.finalizers.iter().flatten().any(|name| name == finalizer);
        Self {
            kind: Arc::clone(kind),
            namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
            name: metadata.name.as_deref().unwrap_or_default().into(),
            owners: metadata.owner_references.clone().unwrap_or_default().into(),
            deleting: metadata.deletion_timestamp.is_some(),
            foreground: has(FOREGROUND),
            orphan: has(ORPHAN),
        }
    }

    /// The reference to the owner with this uid.
    pub fn owner(&self, uid: &str) -> Option<&OwnerReference> {
        self.owners.iter().find(|owner| owner.uid == uid)
    }
}

/// The objects of the cluster and their dependents.
#[derive(Default)]
pub struct Graph {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    nodes: HashMap<Uid, Node>,
    dependents: HashMap<Uid, HashSet<Uid>>,
}

impl Graph {
    /// Takes note of an object; the uids whose situation this may change.
    pub fn insert(&self, uid: Uid, node: Node) -> Vec<Uid> {
        let mut state = self.write();
        let mut concerned: Vec<Uid> = Vec::new();
        if let Some(before) = state.nodes.get(&uid).cloned() {
            if before == node {
                return concerned;
            }
            concerned.extend(before.owners.iter().map(|owner| Uid::from(owner.uid.as_str())));
            state.unlink(&uid, &before);
        }
        for owner in &node.owners {
            state.dependents.entry(owner.uid.as_str().into()).or_default().insert(Arc::clone(&uid));
        }
        if !node.owners.is_empty() || node.deleting {
            concerned.push(Arc::clone(&uid));
        }
        state.nodes.insert(uid, node);
        concerned
    }

    /// Takes note that an object is gone; its dependents and owners.
    pub fn remove(&self, uid: &str) -> Vec<Uid> {
        let mut state = self.write();
        let mut concerned: Vec<Uid> = state.dependents.get(uid).into_iter().flatten().cloned().collect();
        if let Some((uid, node)) = state.nodes.remove_entry(uid) {
            concerned.extend(node.owners.iter().map(|owner| Uid::from(owner.uid.as_str())));
            state.unlink(&uid, &node);
        }
        concerned
    }

    /// An object by uid.
    pub fn get(&self, uid: &str) -> Option<Node> {
        self.read().nodes.get(uid).cloned()
    }

    /// The objects that name this uid as an owner.
    pub fn dependents(&self, uid: &str) -> Vec<(Uid, Node)> {
        let state = self.read();
        let uids = state.dependents.get(uid).into_iter().flatten();
        uids.filter_map(|uid| Some((Arc::clone(uid), state.nodes.get(uid)?.clone()))).collect()
    }

    /// The uids of the objects of a kind.
    pub fn of_kind(&self, kind: &(String, String)) -> HashSet<Uid> {
        let state = self.read();
        state.nodes.iter().filter(|(_, node)| *node.kind == *kind).map(|(uid, _)| Arc::clone(uid)).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unlink(&mut self, uid: &Uid, node: &Node) {
        for owner in &node.owners {
            if let Some(dependents) = self.dependents.get_mut(owner.uid.as_str()) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(owner.uid.as_str());
                }
            }
        }
    }
}
