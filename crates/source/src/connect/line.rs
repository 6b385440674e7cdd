//! HTTP agents that connect only where a fetch may go, and let go when it is broken off.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::access::{Access, Forbidden, Network, Setup};
use crate::cancel::{Cancel, Registration};
use crate::objects::lock;

/// How long a name may take to be looked up, and a connection to come about.
pub(crate) const MAX_CONNECT: Duration = Duration::from_secs(15);

/// The way to servers for one fetch.
pub(crate) struct Line {
    access: Access,
    cancel: Cancel,
    registrations: Mutex<Vec<Registration>>,
}

impl Line {
    pub(crate) fn new(access: &Access, cancel: &Cancel) -> Self {
        Self { access: access.clone(), cancel: cancel.clone(), registrations: Mutex::default() }
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
        let config = match self.access.setup {
            Setup::Own => config,
            // A proxy of the environment is the person's own, and would connect where we must not.
            Setup::Given => config.proxy(None),
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
        for address in self.network.choose(found).map_err(|forbidden| Error::Other(Box::new(forbidden)))? {
            allowed.push(address);
        }
        Ok(allowed)
    }
}

/// The address that kept a request from being sent, if that was the reason.
pub(crate) fn forbidden(error: &Error) -> Option<Forbidden> {
    match error {
        Error::Other(other) => other.downcast_ref().copied(),
        _ => None,
    }
}
