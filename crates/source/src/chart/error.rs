//! Why a chart could not be fetched.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cowherd_tree::ArchiveError;

use super::Digest;
use crate::RangeError;

/// Why a chart could not be fetched: which one, from where, the cause, and what to do.
///
/// No variant holds a credential, and URLs are shown without user information and query.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{chart}: {problem}")]
pub struct ChartError {
    /// The chart with its version and repository, for people.
    pub chart: String,
    /// What happened.
    pub problem: ChartProblem,
}

/// What can keep a chart from being fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChartProblem {
    /// The repository is a directory of this machine that nobody opened to manifests.
    #[error("{} is a directory that is not open to manifests; allow its path, or use the repository's https or oci URL", .0.display())]
    NotAllowed(PathBuf),
    /// The server has an address that manifests have no leave to connect to.
    #[error(
        "{url} is at {address}, where manifests must not have cowherd connect to: an address of its own machine, link or cloud; start cowherd with --allow-network {address} if they may"
    )]
    Forbidden {
        /// What was asked for.
        url: String,
        /// The address that its name stands for.
        address: IpAddr,
    },
    /// Nobody wants it any more.
    #[error("fetching was broken off, since nobody waits for it any more")]
    Cancelled,
    /// No connection to the server came about, or it broke.
    #[error("cannot reach {url}: {cause}; check the host name and the network, it is tried again")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The server's certificate was not accepted, or TLS failed otherwise.
    #[error("TLS with {url} failed: {cause}; if the server has its own certificate authority, give it as ca.crt")]
    Tls {
        /// What was asked for.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The server did not accept who we are.
    #[error("{url} refused access: {cause}; check the credentials and whether they may read this chart")]
    Refused {
        /// What was asked for.
        url: String,
        /// What the server said.
        cause: String,
    },
    /// The credentials given cannot be used.
    #[error("the credentials cannot be used: {0}")]
    Credentials(String),
    /// There is nothing at a URL.
    #[error("there is nothing at {url}: {cause}; check the URL of the repository and the name of the chart")]
    NotFound {
        /// What was asked for.
        url: String,
        /// What the server or the system said.
        cause: String,
    },
    /// The repository has no chart of that name.
    #[error("the repository has no chart of this name; check its spelling")]
    NoChart,
    /// No version of the chart is in the range.
    #[error("no version of the chart is in this range; there {available}")]
    NoVersion {
        /// The newest versions that there are, in words.
        available: String,
    },
    /// The version is neither a version nor a range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// What the repository says of the chart makes no sense.
    #[error("the index of the repository cannot be used: {0}; it is made by `helm repo index`")]
    Index(String),
    /// The chart is where charts are not taken from.
    #[error("the chart is at {url}, which cannot be used: {cause}")]
    Location {
        /// The URL that the repository gave, or that was asked for.
        url: String,
        /// Why not.
        cause: String,
    },
    /// What came is not what the repository announced.
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
    #[error("{url} did not answer as a chart repository does: {cause}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The chart's archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] Arc<ArchiveError>),
    /// The cache on this machine failed.
    #[error("the cache in {} failed: {cause}; check the disk's free space and permissions", .path.display())]
    Storage {
        /// The directory.
        path: PathBuf,
        /// What happened.
        cause: String,
    },
}
