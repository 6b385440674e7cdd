//! What can keep something from being fetched from a server.

use std::net::IpAddr;
use std::time::Duration;

use crate::access::bare;
use crate::{Digest, Forbidden, TlsFault, TlsRemedies};

/// What can keep something from being fetched from a server of the web or a registry.
///
/// No variant holds a credential, and URLs are shown without user information and query.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WebProblem {
    /// The server has an address that manifests have no leave to connect to.
    #[error("{}", Forbidden(*address).of(url, leads_to.as_deref()))]
    Forbidden {
        /// What was asked for.
        url: String,
        /// The host that has the address, where it is another one than that of the URL.
        leads_to: Option<String>,
        /// The address that its name stands for.
        address: IpAddr,
    },
    /// Nobody wants it any more.
    #[error("fetching was broken off, since nobody waits for it any more")]
    Cancelled,
    /// No connection to the server came about, or it broke.
    #[error("{}", unreachable(url, cause))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The server's certificate was not accepted, or TLS failed otherwise.
    #[error("TLS with {url} failed: {fault}")]
    Tls {
        /// What was asked for.
        url: String,
        /// What happened, and what to do about it.
        fault: TlsFault,
    },
    /// The server did not accept who we are.
    #[error("{url} refused access: {cause}; {}", if *is_anonymous { GIVE } else { CHECK })]
    Refused {
        /// What was asked for.
        url: String,
        /// What the server said.
        cause: String,
        /// Whether nobody said who we are.
        is_anonymous: bool,
    },
    /// The credentials given cannot be used.
    #[error("the credentials cannot be used: {0}")]
    Credentials(String),
    /// There is nothing at a URL.
    #[error("there is nothing at {url}: {cause}; check the URL of the repository and the name of what is in it")]
    NotFound {
        /// What was asked for.
        url: String,
        /// What the server or the system said.
        cause: String,
    },
    /// It is where nothing is taken from.
    #[error("it is at {url}, which cannot be used: {cause}")]
    Location {
        /// The URL that the repository gave, or that was asked for.
        url: String,
        /// Why not.
        cause: String,
    },
    /// What came is not what was announced.
    #[error("what came has the digest {actual}, and not {expected} as it should; it was changed or damaged on the way")]
    Digest {
        /// What was announced.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// The server sent more than is accepted.
    #[error("{url} sent more than {limit} bytes, which is more than is accepted")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that is accepted, in bytes.
        limit: u64,
    },
    /// It took longer than it may.
    #[error("it took longer than {} s; raise the timeout if the repository is large", .0.as_secs_f32())]
    Timeout(Duration),
    /// The server answered something that does not belong there.
    #[error("{url} did not answer as it should: {cause}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What happened.
        cause: String,
    },
    /// What came could not be kept on this machine.
    #[error("what came cannot be kept: {0}; check the disk's free space and permissions")]
    Storage(String),
}

/// What can be done where credentials are not accepted.
const CHECK: &str = "check the credentials and whether they may read this";
/// What can be done where none were given.
const GIVE: &str = "check the address, or give credentials that may read this";
/// How the cause begins where a server gave an answer that is none.
pub(super) const ANSWERED: &str = "the server answered ";

fn unreachable(url: &str, cause: &str) -> String {
    match cause.strip_prefix(ANSWERED) {
        Some(status) if status.starts_with("429") => {
            format!(
                "{url} does not answer now: {cause}; it limits how often it is asked: ask less often, or with credentials"
            )
        }
        Some(_) => format!("{url} does not answer now: {cause}; that is for whoever runs the server to mend"),
        None => format!("cannot reach {url}: {cause}; check the host name and the network"),
    }
}

impl WebProblem {
    /// The same for whom other things can be done about TLS than for whoever writes a source.
    pub fn with_remedies(self, remedies: &'static TlsRemedies) -> Self {
        match self {
            Self::Tls { url, fault } => Self::Tls { url, fault: fault.with_remedies(remedies) },
            other => other,
        }
    }

    /// The same about something that is called otherwise, since its URL may be a secret; `asked` is its host. Another host that must
    /// not be connected to is named all the same.
    pub(super) fn called(mut self, name: &str, asked: Option<&str>) -> Self {
        match &mut self {
            Self::Forbidden { url, leads_to, .. } => {
                let refused = leads_to.take().or_else(|| super::host(url));
                *leads_to = refused.filter(|refused| asked.is_none_or(|asked| bare(asked) != bare(refused)));
                name.clone_into(url);
            }
            Self::Unreachable { url, .. }
            | Self::Tls { url, .. }
            | Self::Refused { url, .. }
            | Self::NotFound { url, .. }
            | Self::Location { url, .. }
            | Self::TooLarge { url, .. }
            | Self::Protocol { url, .. } => name.clone_into(url),
            Self::Cancelled | Self::Credentials(_) | Self::Digest { .. } | Self::Timeout(_) | Self::Storage(_) => {}
        }
        self
    }

    /// Whether it may pass by itself: then trying again can help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout(_))
    }
}
