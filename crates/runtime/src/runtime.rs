//! What the controllers of one control plane share.

use std::fmt;
use std::sync::Arc;

use kube::Client;
use kube::runtime::watcher;

use crate::events::Recorder;
use crate::informer::{Informer, Informers, Object};
use crate::{Clients, Health, Identity, Metrics};

/// What the controllers of one control plane share: clients, informers, health, metrics. Clones share it all.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    clients: Clients,
    informers: Informers,
    health: Health,
    metrics: Metrics,
    watches: watcher::Config,
}

impl Runtime {
    /// A runtime whose controllers reach the API through these clients. What they watch they list first.
    pub fn new(clients: impl Into<Clients>) -> Self {
        Self::watching(clients, watcher::Config::default())
    }

    /// The same with an API that is known to begin a watch with what there is (`sendInitialEvents`), as cowherd's own does:
    /// what takes two requests with others takes one.
    pub fn streaming(clients: impl Into<Clients>) -> Self {
        Self::watching(clients, watcher::Config::default().streaming_lists())
    }

    fn watching(clients: impl Into<Clients>, watches: watcher::Config) -> Self {
        let inner = Inner {
            clients: clients.into(),
            informers: Informers::default(),
            health: Health::default(),
            metrics: Metrics::default(),
            watches,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The client of a controller, with the rights of its service account.
    pub fn client(&self, controller: &'static str) -> Client {
        self.client_of(Identity::Controller(controller))
    }

    /// The client of an identity.
    pub fn client_of(&self, identity: Identity) -> Client {
        self.inner.clients.of(identity)
    }

    /// The informer of all objects of a kind, shared by all who ask for it. It ends with the last of them.
    pub fn informer<K: Object<DynamicType = ()>>(&self) -> Arc<Informer<K>> {
        self.informer_of(&(), "")
    }

    /// The informer of the objects of a kind that a label selector leaves, such as those of one shard:
    /// `sharding.fluxcd.io/key=shard1`. An empty selector leaves all.
    pub fn informer_of<K: Object>(&self, kind: &K::DynamicType, selector: &str) -> Arc<Informer<K>> {
        let inner = &self.inner;
        // Whoever reads a shared copy reads all of it, so no controller's own rights are the measure.
        let client = inner.clients.of(Identity::ControllerManager);
        inner.informers.get(&client, &inner.health, &inner.metrics, kind, self.watches().labels(selector))
    }

    /// How all objects of a kind are watched here.
    pub fn watches(&self) -> watcher::Config {
        self.inner.watches.clone()
    }

    /// A recorder of the events of a controller, with the rights of its service account.
    pub fn recorder(&self, controller: &'static str) -> Recorder {
        self.recorder_of(Identity::Controller(controller), controller)
    }

    /// A recorder of events that name this component, with the rights of the identity.
    pub fn recorder_of(&self, identity: Identity, component: &'static str) -> Recorder {
        Recorder::new(self.client_of(identity), component, self.health(), self.metrics())
    }

    /// Which loops are well.
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// What is measured.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("health", &self.inner.health).finish_non_exhaustive()
    }
}
