//! Connects to the servers of other clusters, as far as the policy for tenants has it.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use cowherd_source::{Forbidden, Network};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tower::Service;

/// How long a name may take to be looked up, and a connection to come about.
const LONGEST: Duration = Duration::from_secs(10);

/// Connects where the network may be connected to. What counts is the address, after its name was looked up; nobody looks it
/// up again.
#[derive(Clone, Debug)]
pub(super) struct GuardedConnector {
    network: Network,
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("it is at {0}")]
    Forbidden(Forbidden),
    #[error("its name cannot be looked up: {0}")]
    Unknown(std::io::Error),
    #[error("no connection comes about: {0}")]
    Refused(std::io::Error),
    #[error("no connection came about within {}s", LONGEST.as_secs())]
    Slow,
}

impl GuardedConnector {
    pub(super) fn new(network: Network) -> Self {
        Self { network }
    }

    async fn connect(self, uri: Uri) -> Result<TcpStream, ConnectError> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default);
        let found: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(ConnectError::Unknown)?.collect();
        let allowed = self.network.choose(found).map_err(ConnectError::Forbidden)?;
        let mut failed = std::io::Error::other("it has no address");
        for address in allowed {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(ConnectError::Refused(failed))
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        async move {
            let connected = timeout(LONGEST, connector.connect(uri)).await.unwrap_or(Err(ConnectError::Slow));
            connected.map(TokioIo::new)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_address_of_this_machine_is_connected_to_whatever_its_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let uri: Uri = format!("https://{host}:{port}").parse().unwrap();
            let error = GuardedConnector::new(Network::default()).call(uri.clone()).await.map(drop).unwrap_err();
            assert!(matches!(error, ConnectError::Forbidden(_)), "{host}: {error}");
            if host == "127.0.0.1" {
                let given = Network::Others(vec!["127.0.0.0/8".parse().unwrap()]);
                assert!(GuardedConnector::new(given).call(uri).await.is_ok());
            }
        }
    }
}
