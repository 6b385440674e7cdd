//! The server: a store, and what is served from it.

use std::{sync::Arc, time::Duration};

use cowherd_store::Store;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    authorization::{Policies, PolicyView, RBAC_GROUP},
    background::{self, Loop},
    catalog::Catalog,
    claims::{AddressView, Addresses, PortView, ServiceNetwork},
    crd::{Definitions, News},
    discovery::{health::Checks, metrics::Measures},
    flow::Flow,
    following::Following,
    identity::User,
    resource::{Resource, group_prefix},
    route::{GroupVersion, Route},
    service::LocalService,
    status::{ApiError, ApiResult},
    tokens::Tokens,
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
    /// How many bytes of answers may wait to be read; those of one user half of it.
    pub unread: u64,
    /// The network that addresses of Services are of. It must stay the same for as long as the state is kept.
    pub service_network: ServiceNetwork,
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
    /// half of them of one address, 90 s of idleness; 400 reads and 200 writes at a time, 10,000 watches; 256 MiB of
    /// answers; 10.96.0.0/12.
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
            unread: 256 * 1024 * 1024,
            service_network: ServiceNetwork::default(),
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
    catalog: Arc<Catalog>,
    addresses: Addresses,
    following: Following,
    policies: Policies,
    tokens: Tokens,
    turns: Arc<Semaphore>,
    large_documents: Arc<Semaphore>,
    checks: Checks,
    measures: Measures,
    closing: CancellationToken,
    flow: Flow,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// A server of what the store holds, one of several perhaps. Makes what every cluster has, where it is missing.
    pub async fn open(store: Store, config: Config) -> Result<Self, Error> {
        let (server, loops) = Self::open_with_loops(store, config).await?;
        background::run(&server, loops);
        Ok(server)
    }

    /// The same, and what it does beside answering requests, which whoever opens it keeps running.
    pub async fn open_with_loops(store: Store, config: Config) -> Result<(Self, Vec<Loop>), Error> {
        let closing = CancellationToken::new();
        let tokens = Tokens::open(&store).await?;
        let catalog = Arc::new(Catalog::new());
        let [a, b, c, d, e, f] = crate::random::bytes()?;
        let (address, port) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
        let addresses = Addresses::starting_at(config.service_network, address, port);
        let (news, (bereft, bereaved)) = (News::default(), mpsc::unbounded_channel());

        let mut following = Following::new(store.clone(), closing.clone());
        let resource = built_in(&catalog, "apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
        following.follow(Definitions { catalog: catalog.clone(), resource, news: news.clone() }).await?;
        let prefix = built_in(&catalog, "networking.k8s.io", "v1", "ipaddresses")?.collection_prefix(None);
        following.follow(AddressView { addresses: addresses.clone(), prefix, bereft }).await?;
        following.follow(PortView(addresses.clone())).await?;
        let (policies, prefix) = (Policies::default(), group_prefix(RBAC_GROUP));
        following.follow(PolicyView { policies: policies.clone(), prefix }).await?;

        let turns = Arc::new(Semaphore::new(crate::mutation::AT_ONCE));
        let flow = Flow::new(&config);
        let large_documents = Arc::new(Semaphore::new(1));
        let inner = Inner {
            store,
            config,
            catalog,
            addresses,
            following,
            policies,
            tokens,
            turns,
            large_documents,
            checks: Checks::default(),
            measures: Measures::default(),
            closing,
            flow,
        };
        let server = Self { inner: Arc::new(inner) };
        crate::bootstrap::run(&server).await?;
        let loops = vec![
            crate::crd_lifecycle::care(&server, news),
            crate::claims::repair(&server, bereaved),
            crate::expiry::expire(&server),
        ];
        Ok((server, loops))
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

    /// Adds a check to those that decide whether the server is ready: what is wrong, if anything is. Clients that may
    /// ask for `/readyz` read it, so it holds no content of objects.
    pub fn add_check(&self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.inner.checks.add(name, check);
    }

    /// Whether what is kept in memory follows what is stored; what does not, if anything.
    pub fn follows_store(&self) -> Result<(), String> {
        self.following().check()
    }

    /// Serves what this writes as `/metrics`: it is given the `Accept` header, and gives the text and its media type.
    pub fn serve_metrics(&self, source: impl Fn(&str) -> (String, &'static str) + Send + Sync + 'static) {
        self.inner.measures.set(source);
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.inner.measures
    }

    pub(crate) fn checks(&self) -> &Checks {
        &self.inner.checks
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

    pub(crate) fn policies(&self) -> &Policies {
        &self.inner.policies
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

    pub(crate) fn following(&self) -> &Following {
        &self.inner.following
    }

    /// The turns of those who change something.
    pub(crate) fn turns(&self) -> &Arc<Semaphore> {
        &self.inner.turns
    }

    /// The turns of those who make what describes a great deal at once.
    pub(crate) fn large_documents(&self) -> &Arc<Semaphore> {
        &self.inner.large_documents
    }

    /// What is served at the moment.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// Waits for the definition of what a path names, where another server was told of it a moment ago.
    pub(crate) async fn catch_up(&self, path: &str) -> ApiResult<()> {
        let Route::Object(route) = Route::parse(path) else { return Ok(()) };
        let (group_version, plural) = (&route.group_version, &route.resource);
        if group_version.group.is_empty() || self.catalog().find(group_version, plural).is_some() {
            return Ok(());
        }
        let definitions = self.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
        let key = definitions.key("", &format!("{plural}.{}", group_version.group));
        if let Some(definition) = self.store().get(&key).await.map_err(ApiError::internal)? {
            self.following().reached(&key, definition.modified).await;
        }
        Ok(())
    }

    /// The resource that keeps objects of this group and plural, in its stored version.
    pub(crate) fn built_in(&self, group: &str, version: &str, plural: &str) -> Result<Arc<Resource>, ApiError> {
        built_in(self.catalog(), group, version, plural)
    }
}

fn built_in(catalog: &Catalog, group: &str, version: &str, plural: &str) -> Result<Arc<Resource>, ApiError> {
    let found = catalog.find(&GroupVersion::new(group, version), plural);
    found.ok_or_else(|| ApiError::internal(format!("{plural} are not served")))
}
