//! Brings a set of objects to a cluster, and takes it away again.

mod apply;
mod content;
mod delete;
mod force;
mod handover;
mod prepare;
mod rights;
mod stays;
mod takeover;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::clients::Clients;
use crate::cluster::{Account, Cluster};
use crate::health::actors::Actors;
use crate::memory::{Drift, Memory};
use crate::object::{Manifest, ObjectId};
use crate::owner::{Owner, Ownership};
use crate::watching::{Sight, Watching};

pub(crate) use delete::goes_as;
pub use delete::{Owners, Pruned, Stale};
pub use handover::Heir;
pub use prepare::Coming;
pub use stays::Stays;

/// Of how many objects of a cluster something is kept in which one is a guest: its watches may show anything.
const MOST_FOR_GUESTS: usize = 100_000;

/// How an [`Applier`] works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the owners of the sets show that objects are theirs.
    pub ownership: Ownership,
    /// How many requests may be under way at once, for all sets together.
    pub requests: usize,
    /// Objects that somebody else keeps as they are: no set changes them, and none takes them away.
    pub reserved: HashSet<ObjectId>,
    /// What acts upon the objects of the cluster.
    pub actors: Actors,
    /// Whether who acts on behalf of no account is a guest in the cluster, who may do there what the API lets it, and not
    /// everything.
    pub is_guest: bool,
    /// Is told which of the watches are well.
    pub health: cowherd_runtime::Health,
    /// Where it is counted how often they are started again.
    pub metrics: cowherd_runtime::Metrics,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ownership: Ownership::default(),
            requests: 32,
            reserved: HashSet::new(),
            actors: Actors::default(),
            is_guest: false,
            health: cowherd_runtime::Health::default(),
            metrics: cowherd_runtime::Metrics::default(),
        }
    }
}

/// A set of objects as it should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Whose objects they are. What is remembered of each of them points there.
    pub owner: Arc<Owner>,
    /// The objects.
    pub manifests: Vec<Manifest>,
    /// Whether an object is recreated when a field that cannot change would have to.
    pub force: bool,
    /// Whether objects that are believed to be unchanged are applied all the same.
    pub recheck: bool,
    /// Objects that belong to the set, but are left as they are for now.
    pub held: BTreeSet<ObjectId>,
    /// Objects that belong to the set, but are as another owner has them. They are left as they are, if the account might
    /// write them.
    pub others: BTreeSet<ObjectId>,
    /// On whose behalf the objects are applied; by default that of [`Clients::applying`].
    pub account: Option<Account>,
    /// How long definitions may take until they are served.
    pub timeout: Duration,
}

/// Applies sets of objects to one cluster, for owners of one kind, and sees when they drift.
#[derive(Clone)]
pub struct Applier {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) cluster: Cluster,
    pub(crate) memory: Arc<Memory>,
    pub(crate) watching: Watching,
    pub(crate) requests: Semaphore,
    pub(crate) reserved: HashSet<ObjectId>,
    pub(crate) actors: Actors,
    pub(crate) is_guest: bool,
}

impl Applier {
    /// An applier, and the drift that it sees. The watches end when the last clone of the applier is gone.
    pub fn new(clients: impl Into<Clients>, options: Options) -> (Self, mpsc::UnboundedReceiver<Drift>) {
        let clients = clients.into();
        let (sender, drift) = mpsc::unbounded_channel();
        let memory = Memory::new(sender);
        let memory = Arc::new(if options.is_guest { memory.bounded(MOST_FOR_GUESTS) } else { memory });
        let told = (options.health, options.metrics);
        let watching = Watching::new(clients.own.clone(), memory.clone(), options.ownership, told);
        let cluster = Cluster::new(clients, options.ownership);
        let requests = Semaphore::new(options.requests.max(1));
        let Options { reserved, actors, is_guest, .. } = options;
        let inner = Inner { cluster, memory, watching, requests, reserved, actors, is_guest };
        (Self { inner: Arc::new(inner) }, drift)
    }

    /// Whether requests on behalf of `account` are seen by the API as coming from it. Where they are not, they
    /// would be made with the agent's own rights.
    pub async fn can_act_for(&self, account: &Account) -> kube::Result<bool> {
        Ok(self.inner.cluster.seen_user(account).await? == account.user)
    }

    /// Whether there is such an account.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn has_account(&self, account: &Account) -> kube::Result<bool> {
        self.inner.cluster.has_account(account).await
    }

    /// What tells of drift of the objects from now on.
    pub fn sight<'a>(&self, objects: impl IntoIterator<Item = &'a ObjectId>) -> Sight {
        self.inner.watching.sight(objects)
    }

    /// How many objects something is known of.
    pub fn known_objects(&self) -> usize {
        self.inner.memory.len()
    }
}
