//! The way to another cluster: it stays while the credentials change.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cowherd_source::Network;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::util::option_layer;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::bounds::Bounded;
use super::connector::GuardedConnector;
use super::kubeconfig::Connection;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(60);
/// How many of them are.
const MOST_IDLE: usize = 4;

/// The way to a cluster. Who holds a client of it goes on with the credentials that are good now.
#[derive(Clone)]
pub(super) struct Line(Arc<RwLock<Client>>);

impl Line {
    pub(super) fn new(first: Client) -> Self {
        Self(Arc::new(RwLock::new(first)))
    }

    /// From now on it is asked so.
    pub(super) fn renew(&self, client: Client) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn current(&self) -> Client {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client that goes this way.
    pub(super) fn client(&self) -> Client {
        let line = self.clone();
        let service = service_fn(move |request: http::Request<Body>| {
            let client = line.current();
            async move { client.send(request).await }
        });
        Client::new(service, "default")
    }
}

/// A client that reaches the cluster so, and connects only where the network may be connected to.
///
/// # Errors
/// When what the connection has cannot be used: a certificate that is none, a token that is no header.
pub(super) fn client(connection: &Connection, network: &Network) -> kube::Result<Client> {
    let mut config = Config::new(connection.server.clone());
    config.root_cert.clone_from(&connection.authorities);
    config.accept_invalid_certs = connection.is_insecure;
    config.tls_server_name.clone_from(&connection.server_name);
    config.auth_info = connection.who.clone();
    let connector = config.rustls_https_connector_with_connector(GuardedConnector::new(network.clone()))?;
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE)
        .build::<_, Body>(connector);
    let http = ServiceExt::<http::Request<Body>>::map_err(http, BoxError::from);
    let known = option_layer(config.auth_layer()?).layer(http);
    let bounded = Client::new(Bounded::new(config.base_uri_layer().layer(known)), "default");
    Ok(cowherd_runtime::understood(bounded))
}
