//! The server: a store, and what is served from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cowherd_store::{ListOptions, Revision, Store};
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Addresses, catalog::Catalog, crd::CustomResource, flow::Flow, identity::User, resource::Resource,
    service::LocalService, status::ApiError, tokens::Tokens,
};

/// What can be chosen about a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The most bytes that a request's body may have.
    pub body_limit: usize,
    /// How often a watch that asked for bookmarks gets one.
    pub bookmark_interval: Duration,
    /// How long a watch lasts at least that names no time itself; at most twice as long.
    pub watch_time: Duration,
    /// How long events are kept.
    pub event_time: Duration,
    /// How many connections may be open, if the process may have as many descriptors.
    pub connections: usize,
    /// How many of them may be of one address; half of all at most.
    pub connections_of_address: usize,
    /// How long a connection may be idle; one that never asked for anything a third of that.
    pub idle_time: Duration,
    /// How many reads may be under way at a time.
    pub reads: usize,
    /// How many writes may be under way at a time.
    pub writes: usize,
    /// How many watches there may be.
    pub watches: usize,
    /// Objects that may not be deleted, beside the namespaces that Kubernetes keeps.
    pub undeletable: Vec<Undeletable>,
}

/// An object of the cluster that may not be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeletable {
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, such as `namespaces`.
    pub plural: String,
    /// The object's name.
    pub name: String,
}

impl Default for Config {
    /// 3 MiB of body, a bookmark a minute, watches of half an hour to an hour, events for an hour; 8,192 connections,
    /// half of them of one address, 90 s of idleness; 400 reads and 200 writes at a time, 10,000 watches.
    fn default() -> Self {
        Self {
            body_limit: 3 * 1024 * 1024,
            bookmark_interval: Duration::from_secs(60),
            watch_time: Duration::from_secs(30 * 60),
            event_time: Duration::from_secs(60 * 60),
            connections: 8192,
            connections_of_address: 4096,
            idle_time: Duration::from_secs(90),
            reads: 400,
            writes: 200,
            watches: 10_000,
            undeletable: Vec::new(),
        }
    }
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error("cannot read the cluster's state: {0}")]
    Store(#[from] cowherd_store::Error),
    /// The objects that every cluster has cannot be made.
    #[error("cannot prepare the cluster: {0}")]
    Prepare(#[from] ApiError),
}

/// The Kubernetes API over a store. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: Config,
    catalog: RwLock<Arc<Catalog>>,
    addresses: Addresses,
    tokens: Tokens,
    closing: CancellationToken,
    flow: Flow,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// A server of what the store holds. Makes what every cluster has, where it is missing.
    pub async fn open(store: Store, config: Config) -> Result<Self, Error> {
        let catalog = Catalog::new(BTreeMap::new());
        let tokens = Tokens::open(&store).await?;
        let flow = Flow::new(&config);
        let inner = Inner {
            flow,
            store,
            config,
            catalog: RwLock::new(Arc::new(catalog)),
            addresses: Addresses::default(),
            tokens,
            closing: CancellationToken::new(),
        };
        let server = Self { inner: Arc::new(inner) };
        server.load_definitions().await?;
        server.load_addresses().await?;
        crate::bootstrap::run(&server).await?;
        crate::crd_lifecycle::resume(&server);
        crate::expiry::start(&server);
        Ok(server)
    }

    /// A client that talks to this server without a socket and may do everything.
    pub fn client(&self) -> kube::Client {
        self.client_as(User::admin(), "cowherd")
    }

    /// A client that talks to this server without a socket, as the user. What it writes is owned by the field
    /// manager that `agent` names up to a slash, unless a request names another one.
    pub fn client_as(&self, user: User, agent: &str) -> kube::Client {
        kube::Client::new(LocalService::new(self.clone(), user, agent), "default")
    }

    /// Ends every watch and background work, now and from here on.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.inner.addresses
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    pub(crate) fn flow(&self) -> &Flow {
        &self.inner.flow
    }

    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.inner.closing
    }

    /// What is served at the moment.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves a definition as it is now.
    pub(crate) fn define(&self, name: &str, definition: CustomResource) {
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let known = catalog.custom().get(name);
        // Writes are told of in any order; the newest one counts.
        let news = known.is_none_or(|known| {
            known.revision < definition.revision
                && (known.generation, known.established, known.terminating)
                    != (definition.generation, definition.established, definition.terminating)
        });
        if news {
            *catalog = Arc::new(catalog.with_custom(name, Some(definition)));
        }
    }

    /// Serves a definition no longer that was removed at that revision.
    pub(crate) fn undefine(&self, name: &str, revision: Revision) {
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        if catalog.custom().get(name).is_some_and(|known| known.revision < revision) {
            *catalog = Arc::new(catalog.with_custom(name, None));
        }
    }

    /// The resource that keeps objects of this group and plural, in its stored version.
    pub(crate) fn built_in(&self, group: &str, version: &str, plural: &str) -> Result<Arc<Resource>, ApiError> {
        let group_version = crate::route::GroupVersion::new(group, version);
        let found = self.catalog().find(&group_version, plural).cloned();
        found.ok_or_else(|| ApiError::internal(format!("{plural} are not served")))
    }

    async fn load_definitions(&self) -> Result<(), Error> {
        let resource = self.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
        let page = self.store().list(&resource.collection_prefix(None), ListOptions::default()).await?;
        let mut definitions = BTreeMap::new();
        for entry in page.entries {
            let object = resource.decode(&entry.value, entry.modified)?;
            match CustomResource::read(&object) {
                Ok(definition) => {
                    definitions.insert(crate::object::name(&object).to_owned(), Arc::new(definition));
                }
                Err(errors) => tracing::error!(key = entry.key, ?errors, "a stored definition cannot be served"),
            }
        }
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        *catalog = Arc::new(Catalog::new(definitions));
        Ok(())
    }

    async fn load_addresses(&self) -> Result<(), Error> {
        let resource = self.built_in("", "v1", "services")?;
        let page = self.store().list(&resource.collection_prefix(None), ListOptions::default()).await?;
        for entry in page.entries {
            self.addresses().load(&resource.decode(&entry.value, entry.modified)?);
        }
        Ok(())
    }
}
