//! Who owns whom, of all objects of the cluster: identities and references, no content.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cowherd_runtime::Key;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::absent::{Absent, Absentee};
use super::uid::Uid;

/// Kubernetes' finalizer of a foreground deletion.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Kubernetes' finalizer of a deletion that leaves dependents behind.
pub const ORPHAN: &str = "orphan";

/// How far the graph is searched for a circle.
const SEARCHED: usize = 10_000;

/// A version and kind, as in `apps/v1` and `Deployment`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub api_version: String,
    pub kind: String,
}

impl Kind {
    pub fn group(api_version: &str) -> &str {
        api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }
}

/// An object as the collector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Version and kind under which it is watched.
    pub kind: Arc<Kind>,
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
    pub fn new(kind: &Arc<Kind>, metadata: &ObjectMeta) -> Self {
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

    /// Whether it waits for its dependents to be deleted.
    pub fn waits(&self) -> bool {
        self.deleting && self.foreground
    }

    /// Whether this object, which has the uid of the reference, is what the reference of `dependent` names.
    pub fn is_named_by(&self, owner: &OwnerReference, dependent: &Node) -> bool {
        Kind::group(&owner.api_version) == Kind::group(&self.kind.api_version)
            && owner.kind == self.kind.kind
            && owner.name == *self.name
            && self.may_own(dependent)
    }

    /// Whether an object of this namespace can own another: those of the cluster own any, others those beside them.
    pub fn may_own(&self, dependent: &Node) -> bool {
        self.namespace.is_empty() || self.namespace == dependent.namespace
    }

    /// Whether the owner with this uid waits for this object when it is deleted in the foreground.
    fn blocks(&self, uid: &Uid) -> bool {
        self.owners.iter().any(|owner| uid_of(owner) == *uid && owner.block_owner_deletion == Some(true))
    }
}

/// The uid that a reference names.
fn uid_of(owner: &OwnerReference) -> Uid {
    Uid::from(owner.uid.as_str())
}

/// Which object a reference means.
fn identity(owner: &OwnerReference) -> (&str, &str, &str, &str) {
    (&owner.uid, &owner.api_version, &owner.kind, &owner.name)
}

/// What follows from a change.
#[derive(Default, Debug)]
pub struct Changes {
    /// The objects whose situation may have changed.
    pub concerned: Vec<Uid>,
    /// Objects that name an owner of another namespace.
    pub misplaced: Vec<(Uid, Node, OwnerReference)>,
}

/// The objects of the cluster and their dependents.
#[derive(Default)]
pub struct Graph {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    /// Boxed, since a table has room for up to twice as many.
    nodes: HashMap<Uid, Box<Node>>,
    dependents: HashMap<Uid, HashSet<Uid>>,
    absent: Absent,
}

impl Graph {
    /// Takes note of an object.
    pub fn insert(&self, uid: Uid, node: Node) -> Changes {
        let mut changes = Changes::default();
        let mut state = self.write();
        let before = state.nodes.get(&uid).cloned();
        if before.as_deref() == Some(&node) {
            return changes;
        }
        let known_owners: HashSet<_> = before.iter().flat_map(|before| &before.owners).map(identity).collect();
        for owner in node.owners.iter().filter(|owner| !known_owners.contains(&identity(owner))) {
            if state.nodes.get(&uid_of(owner)).is_some_and(|known| !known.may_own(&node)) {
                changes.misplaced.push((uid.clone(), node.clone(), owner.clone()));
            }
        }
        match &before {
            Some(before) => {
                changes.concerned.extend(before.owners.iter().map(uid_of));
                state.unlink(&uid, before);
            }
            None => state.meet_dependents(&uid, &node, &mut changes),
        }
        for owner in &node.owners {
            state.dependents.entry(uid_of(owner)).or_default().insert(uid.clone());
        }
        if !node.owners.is_empty() || node.deleting {
            changes.concerned.push(uid.clone());
        }
        state.nodes.insert(uid, Box::new(node));
        changes
    }

    /// Takes note that an object is gone.
    pub fn remove(&self, uid: &Uid) -> Changes {
        let mut changes = Changes::default();
        let mut state = self.write();
        changes.concerned.extend(state.dependents.get(uid).into_iter().flatten().cloned());
        let Some((uid, node)) = state.nodes.remove_entry(uid) else { return changes };
        changes.concerned.extend(node.owners.iter().map(uid_of));
        state.unlink(&uid, &node);
        if !changes.concerned.is_empty() {
            let Kind { api_version, kind } = node.kind.as_ref().clone();
            state.absent.insert((
                uid.to_string(),
                api_version,
                kind,
                node.namespace.into_string(),
                node.name.into_string(),
            ));
        }
        changes
    }

    /// An object by uid.
    pub fn get(&self, uid: &Uid) -> Option<Node> {
        self.read().nodes.get(uid).map(|node| node.as_ref().clone())
    }

    /// The objects that name this uid as an owner.
    pub fn dependents(&self, uid: &Uid) -> Vec<(Uid, Node)> {
        let state = self.read();
        let uids = state.dependents.get(uid).into_iter().flatten();
        uids.filter_map(|uid| Some((uid.clone(), state.nodes.get(uid)?.as_ref().clone()))).collect()
    }

    /// The dependents for which an owner that is deleted in the foreground waits: those that block it, but for those
    /// that wait for the owner themselves, in a circle, and so for ever.
    pub fn awaited(&self, uid: &Uid) -> Vec<(Uid, Node)> {
        let blocking = self.dependents(uid).into_iter().filter(|(_, dependent)| dependent.blocks(uid));
        blocking.filter(|(dependent, node)| !(node.waits() && self.awaits(dependent, uid))).collect()
    }

    /// Whether an owner waits for an object, directly or through others that wait.
    fn awaits(&self, owner: &Uid, object: &Uid) -> bool {
        let state = self.read();
        let (mut found, mut searched) = (vec![owner.clone()], HashSet::new());
        while let Some(uid) = found.pop() {
            if uid == *object {
                return true;
            }
            if !searched.insert(uid.clone()) || searched.len() > SEARCHED {
                continue;
            }
            let dependents = state.dependents.get(&uid).into_iter().flatten();
            let waiting =
                |dependent: &&Uid| state.nodes.get(*dependent).is_some_and(|node| node.waits() && node.blocks(&uid));
            found.extend(dependents.filter(waiting).cloned());
        }
        false
    }

    /// Whether it is known that there is no such owner.
    pub fn is_absent(&self, owner: &Absentee) -> bool {
        self.read().absent.contains(owner)
    }

    /// Takes note that there is no such owner.
    pub fn note_absent(&self, owner: Absentee) {
        self.write().absent.insert(owner);
    }

    /// The objects of a kind, but for those of these keys.
    pub fn others_of_kind(&self, kind: &Kind, keys: &HashSet<Key>) -> Vec<Uid> {
        let state = self.read();
        let of_kind = state.nodes.iter().filter(|(_, node)| *node.kind == *kind);
        let others = of_kind.filter(|(_, node)| !keys.contains(&Key::new(&*node.namespace, &*node.name)));
        others.map(|(uid, _)| uid.clone()).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An object is seen for the first time: those that named it before may have named something else.
    fn meet_dependents(&self, uid: &Uid, node: &Node, changes: &mut Changes) {
        for dependent in self.dependents.get(uid).into_iter().flatten() {
            let Some(known) = self.nodes.get(dependent) else { continue };
            for owner in known.owners.iter().filter(|owner| uid_of(owner) == *uid) {
                if !node.is_named_by(owner, known) {
                    changes.concerned.push(dependent.clone());
                }
                if !node.may_own(known) {
                    changes.misplaced.push((dependent.clone(), known.as_ref().clone(), owner.clone()));
                }
            }
        }
    }

    fn unlink(&mut self, uid: &Uid, node: &Node) {
        for owner in &node.owners {
            let owner = uid_of(owner);
            if let Some(dependents) = self.dependents.get_mut(&owner) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner);
                }
            }
        }
    }
}
