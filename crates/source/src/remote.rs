//! A repository and the terms on which it is fetched.

use std::time::Duration;

use crate::{Access, Auth, Cancel, RepositoryUrl};

/// How long a fetch may take unless it is said otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How many bytes a fetch may transfer unless it is said otherwise.
pub const DEFAULT_MAX_SIZE: u64 = 1024 * 1024 * 1024;

/// A repository and the terms on which it is fetched.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where the repository is.
    pub url: RepositoryUrl,
    /// Who we are to its server. Credentials in the URL are used where this has none.
    pub auth: Auth,
    /// How long a fetch may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// How many bytes a fetch may transfer.
    pub max_size: u64,
    /// What the fetch may use and reach.
    pub access: Access,
    /// Breaks the fetch off.
    pub cancel: Cancel,
}

impl Remote {
    /// The repository at `url`, on the word of a manifest, without credentials, with the default limits.
    pub fn new(url: RepositoryUrl) -> Self {
        Self {
            url,
            auth: Auth::default(),
            timeout: DEFAULT_TIMEOUT,
            max_size: DEFAULT_MAX_SIZE,
            access: Access::default(),
            cancel: Cancel::default(),
        }
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
    pub(crate) fn credentials(&self) -> Auth {
        let mut auth = self.auth.clone();
        if let (false, Some((user, password))) = (auth.has_http_credentials(), self.url.userinfo()) {
            auth.username = Some(user.to_owned());
            auth.password = Some(password.clone());
        }
        auth
    }
}
