//! What is asked for, and what comes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cowherd_tree::MemoryTree;

use super::ChartRepository;
use crate::{Access, Auth, Cancel, DEFAULT_TIMEOUT, Digest, Tenant};

/// A chart and the terms on which it is fetched.
#[derive(Clone, Debug)]
pub struct ChartSource {
    /// Where the chart is: a repository, or the path above the chart in a registry.
    pub repository: ChartRepository,
    /// The name of the chart in the repository. It may be empty where the URL of a registry names the chart itself.
    pub name: String,
    /// A version, a range of versions, or nothing for the newest that is no pre-release. In a registry it may also be
    /// the digest of a manifest: `sha256:` and 64 hexadecimal digits.
    pub version: String,
    /// Who we are to the server. Credentials in the URL are used where this has none.
    pub auth: Auth,
    /// Whether the credentials also go to another server that the repository's index names for the chart.
    pub pass_credentials: bool,
    /// Whether a registry is asked without TLS; where nothing is said, one on this machine is.
    pub plain_http: Option<bool>,
    /// How long fetching may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// What the fetch may use and reach.
    pub access: Access,
    /// On whose behalf it is fetched: of all that is large, one of theirs is in memory at a time, and what comes counts as kept on
    /// disk for them. Nobody's where the person who runs the program wants it.
    pub tenant: Option<Tenant>,
    /// Breaks the fetch off.
    pub cancel: Cancel,
}

impl ChartSource {
    /// The newest version of a chart, on the word of a manifest, without credentials, with the default timeout.
    pub fn new(repository: ChartRepository, name: impl Into<String>) -> Self {
        Self {
            repository,
            name: name.into(),
            version: String::new(),
            auth: Auth::default(),
            pass_credentials: false,
            plain_http: None,
            timeout: DEFAULT_TIMEOUT,
            access: Access::default(),
            tenant: None,
            cancel: Cancel::default(),
        }
    }

    /// The same with a version or a range of versions.
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The same with credentials.
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// The same with another access.
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// The credentials to use: those given, or else those of the URL.
    pub(super) fn credentials(&self) -> Auth {
        let mut auth = self.auth.clone();
        if let (false, Some((user, password))) = (auth.has_http_credentials(), self.repository.userinfo()) {
            auth.username = Some(user.to_owned());
            auth.password = Some(password.clone());
        }
        auth
    }
}

/// For errors: the chart, its version and its repository.
impl fmt::Display for ChartSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "chart {}", self.repository)?,
            name => write!(f, "chart {name:?} of {}", self.repository)?,
        }
        match self.version.as_str() {
            "" => Ok(()),
            version => write!(f, ", version {version:?}"),
        }
    }
}

/// A single file of the web, and the terms on which it is fetched.
#[derive(Clone)]
pub struct FileSource {
    /// Its address. The credentials in it are shown to its server, and no others to anybody.
    pub url: String,
    /// The most bytes that it may have.
    pub limit: u64,
    /// How long fetching may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// What the fetch may use and reach.
    pub access: Access,
    /// For whom it counts on disk while it comes.
    pub tenant: Option<Tenant>,
    /// Breaks the fetch off.
    pub cancel: Cancel,
}

/// A chart that was fetched. What its files mean is nobody's business here.
#[derive(Clone, Debug)]
pub struct Package {
    /// The files. Their content ids are equal for equal files, however they were packed.
    pub tree: Arc<MemoryTree>,
    /// The name under which the repository has the chart.
    pub name: String,
    /// The version as the repository writes it.
    pub version: String,
    /// The digest of the archive.
    pub digest: Digest,
    /// Whether the archive was here already: no chart was downloaded.
    pub cached: bool,
}

/// The index of a repository, as it was when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryIndex {
    /// The digest of the index as the server sent it.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}
