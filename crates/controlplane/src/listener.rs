//! The address at which others reach the API of a control plane.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_apiserver::pki::{Authority, Names, Pki, PkiError};
use cowherd_apiserver::{ApiServer, ServiceNetwork};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::{DataDir, Error, Listen};

/// How often it is looked whether the certificates still name what the server is reached by, and are good for long enough.
const LOOK: Duration = Duration::from_secs(60);
/// How many connections wait to be taken while many come at once.
const BACKLOG: u32 = 1024;
/// What a cluster is called that has no name.
const CLUSTER: &str = "cowherd";

/// A socket that listens, and whom it knows.
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The kubeconfig that was written for it.
    pub(crate) kubeconfig: PathBuf,
    cluster: String,
    socket: std::net::TcpListener,
    pki: Mutex<Pki>,
}

/// Listens at the first address that `host:port` stands for where that is possible.
async fn listen_at(address: &str) -> io::Result<TcpListener> {
    let mut failure = None;
    for address in lookup_host(address).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address has this name")))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // What was served here until a moment ago is no obstacle.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Takes the address, before anything is made: it may not be free.
    pub(crate) async fn bind(listen: Option<&Listen>) -> Result<Option<TcpListener>, Error> {
        let Some(Listen { address, .. }) = listen else { return Ok(None) };
        let failed = |cause| Error::Listen { address: address.clone(), cause };
        listen_at(address).await.map(Some).map_err(failed)
    }

    /// Listens on a socket, with the certificates of the data directory, and writes the kubeconfig.
    pub(crate) async fn open(
        socket: TcpListener,
        listen: &Listen,
        network: ServiceNetwork,
        data_dir: &DataDir,
    ) -> Result<Self, Error> {
        let failed = |cause| Error::Listen { address: listen.address.clone(), cause };
        let address = socket.local_addr().map_err(failed)?;
        let names = Names::new(address, network).and(listen.names.iter().cloned());
        let socket = socket.into_std().map_err(failed)?;
        let (kubeconfig, pki, cluster) = (data_dir.kubeconfig(), data_dir.pki(), listen.cluster.clone());
        let authority = match (listen.new_authority, kubeconfig.exists()) {
            (true, _) => Authority::Replaceable,
            // Where there is a kubeconfig, others may have it.
            (false, true) => Authority::Known,
            (false, false) => Authority::Unknown,
        };
        // Files are written, and waited for, while others go on.
        let prepare = move || -> Result<Self, PkiError> {
            let before = || called_before(&kubeconfig).unwrap_or_else(|| CLUSTER.to_owned());
            let cluster = cluster.unwrap_or_else(before);
            let pki = Mutex::new(Pki::open(pki, names, authority)?);
            let listener = Self { address, cluster, kubeconfig, socket, pki };
            listener.write_kubeconfig(&listener.pki())?;
            Ok(listener)
        };
        Ok(tokio::task::spawn_blocking(prepare).await??)
    }

    /// Serves the API until `shutdown` completes. The socket stays open, so that it can be served again.
    pub(crate) async fn serve(&self, server: &ApiServer, shutdown: impl Future<Output = ()> + Send) {
        let socket = self.socket.try_clone().and_then(TcpListener::from_std);
        let tls = self.pki().server_config();
        match (socket, tls) {
            (Ok(socket), Ok(tls)) => server.serve(socket, Arc::clone(&tls), shutdown).await,
            (Err(error), _) => tracing::error!(address = %self.address, %error, "cannot listen"),
            (_, Err(error)) => tracing::error!(address = %self.address, %error, "cannot serve"),
        }
    }

    /// Makes certificates again when they have to be: the machine got another address, or they expire soon.
    pub(crate) async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let listener = self.clone();
            match tokio::task::spawn_blocking(move || listener.renew_now()).await {
                Ok(Ok(true)) => tracing::info!("the certificates were made again"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the certificates cannot be renewed"),
                Err(error) => {
                    let error = cowherd_runtime::broken_off(error);
                    tracing::error!(error, "the renewal of the certificates broke off");
                }
            }
        }
    }

    fn renew_now(&self) -> Result<bool, PkiError> {
        let mut pki = self.pki();
        let renewed = pki.renew()?;
        if renewed {
            self.write_kubeconfig(&pki)?;
        }
        Ok(renewed)
    }

    /// Writes the kubeconfig.
    fn write_kubeconfig(&self, pki: &Pki) -> Result<(), PkiError> {
        let kubeconfig = pki.kubeconfig(&self.cluster, format!("https://{}", reachable(self.address)));
        kubeconfig.write(&self.kubeconfig)
    }

    /// Whether the authority of its certificates was made when it was opened.
    pub(crate) fn has_new_authority(&self) -> bool {
        self.pki().has_new_authority()
    }

    fn pki(&self) -> std::sync::MutexGuard<'_, Pki> {
        self.pki.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a kubeconfig that was written before calls the cluster.
fn called_before(kubeconfig: &Path) -> Option<String> {
    let text = std::fs::read(kubeconfig).ok()?;
    let documents = cowherd_yaml::parse_documents(&text, &Default::default()).ok()?;
    let name = documents.first()?.value["clusters"][0]["name"].as_str()?;
    Some(name.to_owned())
}

/// The address by which this machine reaches a server that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}
