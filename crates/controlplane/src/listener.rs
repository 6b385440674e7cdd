//! The address at which others reach the API of a control plane.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use cowherd_apiserver::pki::Pki;
use cowherd_apiserver::{ApiServer, ServiceNetwork};
use tokio::net::TcpListener;

use crate::{DataDir, Error, Listen};

/// A socket that listens, and whom it knows.
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The kubeconfig that was written for it.
    pub(crate) kubeconfig: PathBuf,
    socket: std::net::TcpListener,
    pki: Pki,
}

impl Listener {
    /// Listens, with the certificates of the data directory, and writes the kubeconfig.
    pub(crate) async fn bind(listen: &Listen, network: ServiceNetwork, data_dir: &DataDir) -> Result<Self, Error> {
        let failed = |cause| Error::Listen { address: listen.address.clone(), cause };
        let socket = TcpListener::bind(&listen.address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let pki = Pki::open(data_dir.pki(), address, network)?;
        let kubeconfig = data_dir.kubeconfig();
        pki.kubeconfig(format!("https://{}", reachable(address))).write(&kubeconfig)?;
        Ok(Self { address, kubeconfig, socket: socket.into_std().map_err(failed)?, pki })
    }

    /// Serves the API until `shutdown` completes. The socket stays open, so that it can be served again.
    pub(crate) async fn serve(&self, server: &ApiServer, shutdown: impl Future<Output = ()> + Send) {
        let socket = self.socket.try_clone().and_then(TcpListener::from_std);
        match (socket, self.pki.server_config()) {
            (Ok(socket), Ok(tls)) => server.serve(socket, Arc::clone(&tls), shutdown).await,
            (Err(error), _) => tracing::error!(address = %self.address, %error, "cannot listen"),
            (_, Err(error)) => tracing::error!(address = %self.address, %error, "cannot serve"),
        }
    }
}

/// The address by which this machine reaches a server that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}
