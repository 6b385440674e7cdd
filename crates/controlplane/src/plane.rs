//! A control plane that runs.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cowherd_apiserver::{ApiServer, Loop, User};
use cowherd_controllers::Runtime;
use cowherd_gitops::Clients;
use cowherd_runtime::{Health, Metrics, supervise};
use cowherd_store::{Options, Store};
use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::accounts::{self, AgentAccount};
use crate::budgets::Cache;
use crate::listener::Listener;
use crate::state;
use crate::{Agents, Budgets, Config, DataDir, Error};

/// How long a loop may be unwell before that is worth a word: a watch that is interrupted is soon well again.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long loops and requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// The check of `/readyz?verbose` that a control plane has beside Kubernetes' own where agents of its own run on it.
pub const AGENTS_CHECK: &str = "agents";

/// A control plane that runs. It ends when it is stopped or dropped.
pub struct ControlPlane {
    server: ApiServer,
    store: Store,
    data_dir: DataDir,
    /// Whether it held state before this start.
    held_state: bool,
    has_lost_state: bool,
    runtime: Runtime,
    listener: Option<Arc<Listener>>,
    budgets: cowherd_gitops::Budgets,
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
    _cache: Cache,
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// Starts a control plane on what its data directory holds, which is made where it is missing, once the address is known to
    /// be free. When this returns, its API answers.
    pub async fn open(config: Config, budgets: &Budgets) -> Result<Self, Error> {
        let held_state = DataDir::holds_state(&config.data_dir);
        let has_lost_state = DataDir::has_lost_state(&config.data_dir);
        let socket = match Listener::bind(config.listen.as_ref()).await {
            // Whoever has the address may have the state, too, and that says more.
            Err(error) if !held_state => return Err(error),
            socket => socket,
        };
        let data_dir = DataDir::prepare(config.data_dir)?;
        let cache = budgets.cache();
        let store = open_store(&data_dir, config.store, &cache).await?;
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let network = config.api.service_network;
        let listener = async {
            let (Some(socket), Some(listen)) = (socket, &config.listen) else { return Ok(None) };
            Listener::open(socket, listen, network, &data_dir).await.map(|listener| Some(Arc::new(listener)))
        };
        // Whoever has the state may have the certificates, too. Both wait for the disk most of the time.
        let (listener, (server, loops)) =
            match tokio::join!(listener, ApiServer::open_with_loops(store.clone(), config.api)) {
                (Ok(listener), Ok(server)) => (listener, server),
                (Err(error), server) => {
                    server.iter().for_each(|(server, _)| server.close());
                    store.close().await;
                    return Err(error);
                }
                (Ok(_), Err(error)) => {
                    store.close().await;
                    return Err(error.into());
                }
            };
        let runtime = Runtime::streaming(clients(&server));
        let health = runtime.health().clone();
        server.add_check("loops", move || health.check(PATIENCE));
        let metrics = runtime.metrics().clone();
        server.serve_metrics(move |accept| metrics.written(accept));
        let mut plane = Self {
            server,
            store,
            data_dir,
            held_state,
            has_lost_state,
            runtime,
            listener,
            budgets: budgets.agents.share(),
            tasks: JoinSet::new(),
            stopping: watch::Sender::new(false),
            _cache: cache,
        };
        plane.look_after_state();
        loops.into_iter().for_each(|one| plane.keep_loop(one));
        plane.listen();
        plane.control(config.controllers);
        Ok(plane)
    }

    /// Looks whether the state is where it belongs, and whether what is kept in memory follows it.
    fn look_after_state(&mut self) {
        let (server, store, health) = (self.server.clone(), self.store.clone(), self.runtime.health().clone());
        self.keep_beside("state", move || {
            let (server, pulse) = (server.clone(), health.register("state"));
            state::watch(store.clone(), move || server.follows_store(), pulse)
        });
    }

    /// Keeps a loop of the API running.
    fn keep_loop(&mut self, one: Loop) {
        self.keep_beside(one.name, move || one.start());
    }

    fn listen(&mut self) {
        let Some(listener) = self.listener.clone() else { return };
        let certificates = listener.clone();
        self.keep_beside("certificates", move || certificates.clone().renew());
        let (server, stopping) = (self.server.clone(), self.stopping.clone());
        self.keep("listener", move || {
            let (server, listener, stopped) = (server.clone(), listener.clone(), stopped(stopping.subscribe()));
            async move { listener.serve(&server, stopped).await }
        });
    }

    fn control(&mut self, selection: cowherd_controllers::Selection) {
        let work = cowherd_controllers::run(self.runtime.clone(), selection, self.stopped());
        self.tasks.spawn(work);
    }

    /// Brings the definitions of what agents reconcile, and gives their accounts the rights that they need; who they are then.
    pub async fn prepare_agents(&self) -> Result<Clients, Error> {
        let client = self.client();
        let installed = async { Ok(cowherd_gitops::install(client.clone()).await?) };
        tokio::try_join!(installed, accounts::give_rights(&client))?;
        let of = |account: AgentAccount| self.client_as(User::known(&account.user(), &[]));
        Ok(Clients {
            sources: of(AgentAccount::SOURCES),
            delivery: of(AgentAccount::DELIVERY),
            applying: of(AgentAccount::APPLYING),
            notifying: of(AgentAccount::NOTIFYING),
        })
    }

    /// Runs agents on the control plane until it stops, as who they were [prepared](Self::prepare_agents) to be.
    pub fn run_agents(&mut self, clients: Clients, agents: Agents) {
        let Agents { mirrors, mut config } = agents;
        config.reserved.extend(accounts::needed());
        let config = cowherd_gitops::Config {
            budgets: self.budgets.clone(),
            health: self.runtime.health().clone(),
            metrics: self.runtime.metrics().clone(),
            ..config
        };
        // How they are is seen of their loops; that they are there is for others to see, who would come beside them.
        self.server.add_check(AGENTS_CHECK, || Ok(()));
        let stopping = self.stopping.clone();
        self.keep("agents", move || {
            let stopped = stopped(stopping.subscribe());
            cowherd_gitops::run(clients.clone(), mirrors.clone(), config.clone(), stopped)
        });
    }

    /// Runs something beside the controllers, and starts it again whenever it ends or panics. It is dropped when the control plane
    /// stops.
    pub fn keep_beside<F>(&mut self, name: &'static str, start: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stopping = self.stopping.clone();
        self.keep(name, move || {
            let (running, stopped) = (start(), stopped(stopping.subscribe()));
            async move {
                tokio::select! {
                    () = running => {}
                    () = stopped => {}
                }
            }
        });
    }

    /// The same for what ends by itself when the control plane stops.
    pub fn keep<F>(&mut self, name: &'static str, start: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (runtime, stopping) = (self.runtime.clone(), self.stopping.subscribe());
        self.tasks.spawn(async move {
            let done = Notify::new();
            let start = || async {
                start().await;
                // What ends because all ends is not started again.
                if *stopping.borrow() {
                    done.notify_one();
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = supervise(name, runtime.health(), runtime.metrics(), start) => {}
                () = done.notified() => {}
            }
        });
    }

    /// A client that may do everything, without a socket between.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// A client with the rights of a user.
    pub fn client_as(&self, user: User) -> Client {
        self.server.client_as(user, "cowherd")
    }

    /// Where the API listens, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(|listener| listener.address)
    }

    /// The kubeconfig that was written for it, if it listens.
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.listener.as_ref().map(|listener| listener.kubeconfig.as_path())
    }

    /// Whether the state of before is gone, and it began as a new one beside the certificates of before.
    pub fn has_lost_its_state(&self) -> bool {
        self.has_lost_state
    }

    /// Whether the state is that of before and the authority of its certificates is not, so that every kubeconfig which was
    /// handed out is refused.
    pub fn has_lost_its_authority(&self) -> bool {
        self.held_state && self.listener.as_ref().is_some_and(|listener| listener.has_new_authority())
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// The file of the state, where it is not at its path any more: nothing of what it holds is there after the end.
    pub fn lost_state(&self) -> Option<PathBuf> {
        self.store.lost().map(|lost| lost.path)
    }

    /// Which of its loops are well.
    pub fn health(&self) -> &Health {
        self.runtime.health()
    }

    /// What is measured of it.
    pub fn metrics(&self) -> &Metrics {
        self.runtime.metrics()
    }

    /// Completes when the control plane is asked to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        stopped(self.stopping.subscribe())
    }

    /// Stops: what was acknowledged is on disk already, so nothing but the end of requests is waited for, and that not for
    /// ever.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        self.server.close();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            self.tasks.shutdown().await;
        }
        self.store.close().await;
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        self.server.close();
    }
}

/// How much of the disk is kept for what makes room when there is no more, in bytes.
const RESERVE: u64 = 1024 * 1024;

/// Opens the state with as much memory for caches as the process has left.
async fn open_store(data_dir: &DataDir, options: Options, cache: &Cache) -> Result<Store, Error> {
    let path = data_dir.state()?;
    let half = cache.size / 2;
    let options = Options {
        cache_size: options.cache_size.min(half),
        window_size: options.window_size.min(half),
        reserve: RESERVE,
        ..options
    };
    Ok(tokio::task::spawn_blocking(move || Store::open(path, options)).await??)
}

/// Clients for the controllers, each of which may do what its service account may.
fn clients(server: &ApiServer) -> cowherd_controllers::Clients {
    let server = server.clone();
    cowherd_controllers::Clients::new(move |identity| {
        server.client_as(User::known(&identity.user(), &[]), identity.agent())
    })
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error says that the sender is gone, and with it the control plane.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
