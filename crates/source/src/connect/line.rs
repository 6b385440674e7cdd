//! HTTP agents that connect only where a fetch may go, and let go when it is broken off.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, Proxy, ProxyProtocol};

use crate::Secret;
use crate::access::{Access, Forbidden, Network, Setup, bare};
use crate::cancel::{Cancel, Registration};
use crate::objects::lock;

/// How long a name may take to be looked up, and a connection to come about.
pub(crate) const MAX_CONNECT: Duration = Duration::from_secs(15);

/// The way to servers for one fetch.
pub(crate) struct Line {
    access: Access,
    cancel: Cancel,
    proxy: Option<Proxy>,
    registrations: Mutex<Vec<Registration>>,
}

/// A server through which others are asked.
#[derive(Clone)]
pub struct ProxyServer(Proxy);

/// Why something is no proxy. It says nothing of what was given: that may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its address is no proxy that is spoken to; write http://HOST:PORT or https://HOST:PORT")]
pub struct ProxyError;

impl ProxyServer {
    /// The proxy at an address, `http://HOST:PORT`, with the credentials that it wants.
    pub fn new(address: &str, username: Option<&str>, password: Option<&Secret>) -> Result<Self, ProxyError> {
        let (protocol, rest) = match address.trim().split_once("://") {
            Some(("http", rest)) => (ProxyProtocol::Http, rest),
            Some(("https", rest)) => (ProxyProtocol::Https, rest),
            _ => return Err(ProxyError),
        };
        let authority = rest.trim_end_matches('/');
        let uri: Uri = format!("http://{authority}").parse().map_err(|_| ProxyError)?;
        let (Some(found), "/" | "") = (uri.authority(), uri.path()) else { return Err(ProxyError) };
        if authority.contains('@') || found.host().is_empty() {
            return Err(ProxyError);
        }
        let mut builder = Proxy::builder(protocol).host(found.host());
        if let Some(port) = found.port_u16() {
            builder = builder.port(port);
        }
        if let Some(username) = username {
            let password = password.and_then(Secret::text).unwrap_or_default();
            builder = builder.username(username).password(password);
        }
        builder.build().map(Self).map_err(|_| ProxyError)
    }
}

impl std::fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyServer({}:{})", self.0.host(), self.0.port())
    }
}

impl Line {
    pub(crate) fn new(access: &Access, cancel: &Cancel) -> Self {
        Self { access: access.clone(), cancel: cancel.clone(), proxy: None, registrations: Mutex::default() }
    }

    /// The same through a proxy. The proxy is what must be allowed to be connected to, and no name is looked up but its own.
    pub(crate) fn through(mut self, proxy: Option<&ProxyServer>) -> Self {
        self.proxy = proxy.map(|proxy| proxy.0.clone());
        self
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// An agent that follows no redirects by itself: each of them is a new request, whose address is looked at.
    pub(crate) fn agent(&self, tls: TlsConfig) -> Agent {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(MAX_CONNECT))
            .timeout_connect(Some(MAX_CONNECT))
            .tls_config(tls);
        let config = match (&self.proxy, self.access.setup) {
            (Some(proxy), _) => config.proxy(Some(proxy.clone())),
            (None, Setup::Own) => config,
            // A proxy of the environment is the person's own, and would connect where we must not.
            (None, Setup::Given) => config.proxy(None),
        };
        let resolver = Guard { network: self.access.network.clone() };
        let agent = Agent::with_parts(config.build(), DefaultConnector::default(), resolver);
        let ended = agent.clone();
        lock(&self.registrations).push(self.cancel.on_cancel(move || ended.shutdown()));
        agent
    }
}

/// Looks names up, and leaves out the addresses that must not be connected to. The connection is made to what is left:
/// nobody looks the name up again.
#[derive(Debug)]
struct Guard {
    network: Network,
}

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let found: Vec<SocketAddr> = found.iter().copied().collect();
        let mut allowed = self.empty();
        let refused = |forbidden| {
            let host = uri.host().unwrap_or_default().to_owned();
            Error::Other(Box::new(Refused { host, forbidden }))
        };
        for address in self.network.choose(found).map_err(refused)? {
            allowed.push(address);
        }
        Ok(allowed)
    }
}

/// A host that must not be connected to: that of the URL, or a proxy's.
#[derive(Debug, thiserror::Error)]
#[error("{host} is at {forbidden}")]
pub(crate) struct Refused {
    host: String,
    pub(crate) forbidden: Forbidden,
}

impl Refused {
    /// The host, unless it is the one that was asked.
    pub(crate) fn unless_at(&self, asked: Option<&str>) -> Option<String> {
        let is_other = asked.is_some_and(|asked| bare(asked) != bare(&self.host));
        is_other.then(|| self.host.clone())
    }
}

/// The host that kept a request from being sent, if that was the reason.
pub(crate) fn forbidden(error: &Error) -> Option<&Refused> {
    match error {
        Error::Other(other) => other.downcast_ref(),
        _ => None,
    }
}
