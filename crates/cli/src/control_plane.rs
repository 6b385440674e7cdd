//! The embedded control plane: a data directory, the API over its store, and Kubernetes' own controllers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use cowherd_apiserver::pki::Pki;
use cowherd_apiserver::{ApiServer, Config, Undeletable, User};
use cowherd_controllers::{Clients, Runtime};
use cowherd_runtime::Health;
use cowherd_store::{Options, Store};
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bootstrap::ROOT;
use crate::cluster::kubeconfig_path;
use crate::data_dir;
use crate::trouble::PATIENCE;

/// Where the API listens unless said otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:6443";

/// A running control plane.
pub struct ControlPlane {
    /// A client that may do everything, without a socket between.
    pub client: Client,
    /// Where the API listens.
    pub address: SocketAddr,
    /// The kubeconfig that was written for it.
    pub kubeconfig: PathBuf,
    /// Which of its controllers are well.
    pub health: Health,
    server: ApiServer,
    store: Store,
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

impl ControlPlane {
    /// Starts the control plane of a data directory, which is made where it is missing.
    pub async fn start(data_dir: &Path, listen: &str, config: Config) -> Result<Self> {
        data_dir::prepare(data_dir)?;
        let path = data_dir.join("state.redb");
        data_dir::refuse_emptied(&path)?;
        let store = tokio::task::spawn_blocking(move || Store::open(path, Options::default())).await??;
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; choose another address with --listen, such as 127.0.0.1:0")
        })?;
        let address = listener.local_addr()?;
        let pki = Pki::open(data_dir.join("pki"), address)?;
        let config = Config { undeletable: undeletable(), ..config };
        let server = ApiServer::open(store.clone(), config).await?;
        let kubeconfig = kubeconfig_path(data_dir);
        pki.kubeconfig(format!("https://{}", reachable(address))).write(&kubeconfig)?;
        let client = server.client();
        let stopping = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let tls = pki.server_config()?;
        tasks.spawn({
            let (server, stopped) = (server.clone(), stopped(stopping.subscribe()));
            async move { server.serve(listener, tls, stopped).await }
        });
        let runtime = Runtime::new(clients(&server));
        let health = runtime.health().clone();
        let checked = health.clone();
        server.add_check("controllers", move || checked.check(PATIENCE));
        tasks.spawn(cowherd_controllers::run_on(runtime, stopped(stopping.subscribe())));
        Ok(Self { client, address, kubeconfig, health, server, store, tasks, stopping })
    }

    /// Completes when the control plane is asked to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        stopped(self.stopping.subscribe())
    }

    /// Runs something beside the controllers until it ends or the control plane stops.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Stops: what was acknowledged is on disk already, so nothing but the end of requests is waited for.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        self.server.close();
        let patience = Duration::from_secs(3);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, ended).await.is_err() {
            self.tasks.abort_all();
        }
        self.store.close().await;
    }
}

/// What cannot be deleted: with a definition go all its objects, and with the namespace all that describes what is to
/// be there.
fn undeletable() -> Vec<Undeletable> {
    let object = |group: &str, plural: &str, name: &str| Undeletable {
        group: group.to_owned(),
        plural: plural.to_owned(),
        name: name.to_owned(),
    };
    let definitions = cowherd_api::crd_names().into_iter();
    let definitions = definitions.map(|name| object("apiextensions.k8s.io", "customresourcedefinitions", name));
    definitions.chain([object("", "namespaces", ROOT)]).collect()
}

/// Clients for the controllers, each of which may do what its service account may.
fn clients(server: &ApiServer) -> Clients {
    let server = server.clone();
    Clients::new(move |identity| server.client_as(User::known(&identity.user(), &[]), identity.agent()))
}

/// The address by which this machine reaches a server that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error says that the sender is gone, and with it the control plane.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Completes when a person or the system asks the program to end.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
