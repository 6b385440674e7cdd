//! Connections to the servers that hold repositories.

mod attempt;
mod exchange;
mod fault;
mod http;
mod line;
mod origin;
mod push;
mod session;
mod ssh;
pub(crate) mod tls;
mod watchdog;

use std::path::Path;
use std::sync::Arc;

pub(crate) use attempt::Attempt;
pub use fault::{TlsFault, TlsRemedies, tls_fault};
pub(crate) use line::{Line, forbidden};
pub use line::{ProxyError, ProxyServer};
pub(crate) use origin::{Origin, authorization};
pub(crate) use push::{Command, PushSession, Report};
pub(crate) use session::{Depth, Receiver, Session, Unreceived};
pub(crate) use tls::Authorities;

use gix::protocol::transport::{Protocol, Service};

use crate::{FetchError, Scheme};

/// What connections need besides a remote.
pub(crate) struct Means<'a> {
    /// The `ssh` program.
    pub(crate) ssh: &'a Path,
    /// A directory that only we can read, for the keys that `ssh` takes as files.
    pub(crate) keys: &'a Path,
    /// The certificate authorities that the system trusts.
    pub(crate) authorities: &'a Authorities,
}

/// Connects to the remote of `attempt` and introduces ourselves.
pub(crate) fn connect(attempt: &Arc<Attempt>, means: &Means<'_>) -> Result<Session, FetchError> {
    match attempt.url().scheme() {
        Scheme::Https | Scheme::Http => {
            let transport = http::transport(attempt, means.authorities, Protocol::V2)?;
            Session::open(Box::new(transport), None, attempt)
        }
        Scheme::Ssh if attempt.proxy().is_some() => Err(attempt.unsupported("ssh through a proxy")),
        Scheme::Ssh => {
            let (transport, process) = ssh::transport(attempt, means, Service::UploadPack)?;
            Session::open(Box::new(transport), Some(process), attempt)
        }
        Scheme::File => Err(attempt.unsupported("fetching from a path of this machine")),
    }
}

/// Connects to the remote of `attempt` to push. These are the references that are of interest.
pub(crate) fn connect_to_push(
    attempt: &Arc<Attempt>,
    means: &Means<'_>,
    references: &[String],
) -> Result<PushSession, FetchError> {
    match attempt.url().scheme() {
        Scheme::Https | Scheme::Http => {
            // There is no second version of the protocol for pushing.
            let transport = http::transport(attempt, means.authorities, Protocol::V1)?;
            PushSession::open(Box::new(transport), None, attempt, references)
        }
        Scheme::Ssh if attempt.proxy().is_some() => Err(attempt.unsupported("ssh through a proxy")),
        Scheme::Ssh => {
            let (transport, process) = ssh::transport(attempt, means, Service::ReceivePack)?;
            PushSession::open(Box::new(transport), Some(process), attempt, references)
        }
        Scheme::File => Err(attempt.unsupported("pushing to a path of this machine")),
    }
}
