//! Why a repository could not be fetched.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Excess, Forbidden, NoRoom, Reference, RepositoryUrl, TlsFault, TlsRemedies};

/// Why a repository could not be fetched: which one, the cause, and what to do.
///
/// No variant holds a credential; what servers and programs said was cleaned of them.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The repository is one of this machine that nobody opened to manifests.
    #[error(
        "{0} is a local repository that is not open to manifests; start cowherd with --local-repository and its path, or use its https or ssh URL"
    )]
    NotAllowed(RepositoryUrl),
    /// The server has an address that manifests have no leave to connect to.
    #[error("{}", Forbidden(*address).of(url, leads_to.as_deref()))]
    Forbidden {
        /// The repository.
        url: RepositoryUrl,
        /// The host that has the address, where it is another one than that of the URL.
        leads_to: Option<String>,
        /// The address that its name stands for.
        address: IpAddr,
    },
    /// Nobody wants it any more.
    #[error("fetching {0} was broken off, since nobody waits for it any more")]
    Cancelled(RepositoryUrl),
    /// No connection to the server came about, or it broke.
    #[error("cannot reach {url}: {cause}; check the host name and the network")]
    Unreachable {
        /// The repository.
        url: RepositoryUrl,
        /// What happened.
        cause: String,
    },
    /// The server's certificate was not accepted, or TLS failed otherwise.
    #[error("TLS with {url} failed: {fault}")]
    Tls {
        /// The repository.
        url: RepositoryUrl,
        /// What happened, and what to do about it.
        fault: TlsFault,
    },
    /// The server did not accept who we are.
    #[error("{url} refused access: {cause}; check the credentials and whether they may read this repository")]
    Refused {
        /// The repository.
        url: RepositoryUrl,
        /// What the server said.
        cause: String,
    },
    /// The ssh server is not the one that is known, or not known at all.
    #[error(
        "the host key of {url} is not accepted: {cause}; if that server is meant, put its key, as `{}` prints it, into the \
         file that --known-hosts-file of `cowherd up` names, or as known_hosts into the Secret that spec.secretRef names",
        url.key_scan()
    )]
    HostKey {
        /// The repository.
        url: RepositoryUrl,
        /// What ssh said.
        cause: String,
    },
    /// The credentials given cannot be used.
    #[error("the credentials for {url} cannot be used: {cause}")]
    Credentials {
        /// The repository.
        url: RepositoryUrl,
        /// What is wrong with them.
        cause: String,
    },
    /// The server knows no such repository.
    #[error("there is no repository at {url}: {cause}; {}", where_one_is(.url))]
    RepositoryNotFound {
        /// The repository.
        url: RepositoryUrl,
        /// What the server said.
        cause: String,
    },
    /// The repository has nothing of the name that was asked for.
    #[error("{reference} was not found in {url}{hint}")]
    ReferenceNotFound {
        /// The repository.
        url: RepositoryUrl,
        /// What was asked for.
        reference: Reference,
        /// More about it, beginning with a separator; or nothing.
        hint: String,
    },
    /// The fetch took longer than it may.
    #[error("fetching {url} took longer than {} s; raise the timeout if the repository is large", .timeout.as_secs_f32())]
    Timeout {
        /// The repository.
        url: RepositoryUrl,
        /// The time it had.
        timeout: Duration,
    },
    /// The server sent more than is accepted.
    #[error(
        "{url} sent more than {limit} bytes for one fetch; that is more than is accepted. This commit is asked for again by `cowherd reconcile`"
    )]
    TooLarge {
        /// The repository.
        url: RepositoryUrl,
        /// The most that is accepted, in bytes.
        limit: u64,
    },
    /// A file of the repository is larger than is unpacked, or there are too many objects.
    #[error(
        "{url} holds a file of more than {limit} bytes, or millions of objects, which is more than is unpacked; keep what is that large elsewhere. This commit is asked for again by `cowherd reconcile`"
    )]
    LargeObject {
        /// The repository.
        url: RepositoryUrl,
        /// The most that is unpacked at once, in bytes.
        limit: usize,
    },
    /// A pack means more than is unpacked.
    #[error(
        "{url} sent few bytes that mean many: more than {limit} {excess}, which is more than is unpacked; if it is meant, pack it anew with `git repack -a -d -f`, or keep what is that large elsewhere. This commit is asked for again by `cowherd reconcile`"
    )]
    TooMuch {
        /// The repository.
        url: RepositoryUrl,
        /// What there is too much of.
        excess: Excess,
        /// The most that is accepted.
        limit: u64,
    },
    /// A submodule could not be fetched.
    #[error("its submodule at {path}: {cause}")]
    Submodule {
        /// The repository that it is in.
        url: RepositoryUrl,
        /// Where it is there.
        path: String,
        /// What happened.
        cause: Box<FetchError>,
    },
    /// What the repository says of a submodule is refused.
    #[error("the submodule at {path} of {url} is not fetched: {cause}")]
    Submodules {
        /// The repository.
        url: RepositoryUrl,
        /// Where it is there.
        path: String,
        /// Why.
        cause: String,
    },
    /// There is no room on disk for it.
    #[error("{url} cannot be kept: {cause}")]
    NoRoom {
        /// The repository.
        url: RepositoryUrl,
        /// Whose room it is, and how much.
        cause: NoRoom,
    },
    /// A revision has more files than are walked.
    #[error(
        "{commit} of {url} has more than {limit} files, each counted as often as it stands somewhere, or more than {depth} directories inside each other; that is more than is accepted"
    )]
    TooManyFiles {
        /// The repository.
        url: RepositoryUrl,
        /// The commit.
        commit: String,
        /// The most files and directories that a revision may have.
        limit: u64,
        /// The most directories that may be inside each other.
        depth: usize,
    },
    /// There is no `ssh` program.
    #[error("cannot fetch {url}: the program {program:?} is not installed; install an OpenSSH client")]
    NoSsh {
        /// The repository.
        url: RepositoryUrl,
        /// The program that was looked for.
        program: PathBuf,
    },
    /// The repository needs something that is not supported.
    #[error("{url} cannot be read: {what} is not supported")]
    Unsupported {
        /// The repository.
        url: RepositoryUrl,
        /// What is not supported.
        what: String,
    },
    /// The server answered something that is not Git's protocol, or reported a failure of its own.
    #[error("{url} did not answer as a Git server does: {cause}")]
    Protocol {
        /// The repository.
        url: RepositoryUrl,
        /// What happened.
        cause: String,
    },
    /// The copy of the repository on this machine could not be written or read.
    #[error("the local copy of {url} in {} failed: {cause}; check the disk's free space and permissions", .path.display())]
    Storage {
        /// The repository.
        url: RepositoryUrl,
        /// The directory.
        path: PathBuf,
        /// What happened.
        cause: String,
    },
}

/// What whoever names a repository that is not there can do.
fn where_one_is(url: &RepositoryUrl) -> &'static str {
    match url.local_path() {
        Some(_) => "name a directory in one, or make one of it with `git init` and a commit",
        None => "check the URL",
    }
}

impl FetchError {
    /// The same for whom other things can be done about TLS than for whoever writes a source.
    pub fn with_remedies(self, remedies: &'static TlsRemedies) -> Self {
        match self {
            Self::Tls { url, fault } => Self::Tls { url, fault: fault.with_remedies(remedies) },
            other => other,
        }
    }

    /// Whether it may pass by itself: then trying again can help.
    pub fn may_pass(&self) -> bool {
        matches!(self.innermost(), Self::Unreachable { .. } | Self::Timeout { .. })
    }

    /// What happened, in whichever repository it did.
    pub fn innermost(&self) -> &Self {
        match self {
            Self::Submodule { cause, .. } => cause.innermost(),
            other => other,
        }
    }

    /// Whether it is for what the commit holds: as long as the server has the same, it would be so again.
    pub(crate) fn is_of_content(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. } | Self::LargeObject { .. } | Self::TooMuch { .. } | Self::TooManyFiles { .. }
        )
    }

    /// The repository that could not be fetched.
    pub fn url(&self) -> &RepositoryUrl {
        match self {
            Self::Unreachable { url, .. }
            | Self::Forbidden { url, .. }
            | Self::Cancelled(url)
            | Self::Tls { url, .. }
            | Self::Refused { url, .. }
            | Self::HostKey { url, .. }
            | Self::Credentials { url, .. }
            | Self::RepositoryNotFound { url, .. }
            | Self::ReferenceNotFound { url, .. }
            | Self::Timeout { url, .. }
            | Self::TooLarge { url, .. }
            | Self::LargeObject { url, .. }
            | Self::TooMuch { url, .. }
            | Self::NoRoom { url, .. }
            | Self::Submodule { url, .. }
            | Self::Submodules { url, .. }
            | Self::TooManyFiles { url, .. }
            | Self::NoSsh { url, .. }
            | Self::Unsupported { url, .. }
            | Self::Protocol { url, .. }
            | Self::Storage { url, .. }
            | Self::NotAllowed(url) => url,
        }
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
