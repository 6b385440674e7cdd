//! A repository and the terms on which it is fetched.

use std::time::Duration;

use crate::{Access, Auth, Cancel, FetchError, ProxyServer, RepositoryUrl, Setup, Tenant};

/// How long a fetch may take unless it is said otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How many bytes a fetch may transfer unless it is said otherwise.
pub const DEFAULT_MAX_SIZE: u64 = 1024 * 1024 * 1024;

/// How many bytes the largest object may have unless it is said otherwise. From it follows what a fetch may unpack at once and in all:
/// few bytes of a pack can mean many gigabytes.
pub const DEFAULT_MAX_UNPACKED: usize = 128 * 1024 * 1024;

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
    /// How many bytes the largest object may have; twice as many may be held at once, and 64 times as many unpacked in all, of a
    /// history 512 times.
    pub max_unpacked: usize,
    /// What the fetch may use and reach.
    pub access: Access,
    /// The proxy through which the server is asked, over http and https. It is the proxy that is connected to.
    pub proxy: Option<ProxyServer>,
    /// Who chose who answers for the server, where that is not the name of its host alone: what was fetched in one scope is not found
    /// in another, since such servers may say anything, also that they have what others fetched with their credentials.
    pub scope: Option<String>,
    /// Whether the tag's own object is wanted as well, where a tag is asked for: it has the signature.
    pub with_tag: bool,
    /// Breaks the fetch off.
    pub cancel: Cancel,
    /// Whether a person asked for it: a commit that was refused before is asked for once more.
    pub is_requested: bool,
    /// On whose behalf it is fetched; without one on that of the person who runs the program, who waits for nobody and may keep what
    /// they like.
    pub tenant: Option<Tenant>,
}

impl Remote {
    /// The repository at `url`, on the word of a manifest, without credentials, with the default limits.
    pub fn new(url: RepositoryUrl) -> Self {
        Self {
            url,
            auth: Auth::default(),
            timeout: DEFAULT_TIMEOUT,
            max_size: DEFAULT_MAX_SIZE,
            max_unpacked: DEFAULT_MAX_UNPACKED,
            access: Access::default(),
            proxy: None,
            scope: None,
            with_tag: false,
            cancel: Cancel::default(),
            is_requested: false,
            tenant: None,
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

    /// What the terms forbid, as far as the URL says it, before any name is looked up and anybody asked.
    ///
    /// # Errors
    /// When the repository is of this machine and not open, or its host is an address that must not be connected to.
    pub fn check(&self) -> Result<(), FetchError> {
        let url = || self.url.clone();
        if let Some(path) = self.url.local_path() {
            return if self.access.local.allows(path) { Ok(()) } else { Err(FetchError::NotAllowed(url())) };
        }
        // What a person has set up may lead elsewhere: a host's alias, a proxy. So does a proxy that was given.
        let is_elsewhere = self.access.setup == Setup::Own || self.proxy.is_some();
        let addresses = if is_elsewhere { Vec::new() } else { self.url.addresses() };
        match self.access.network.forbidden(&addresses) {
            Some(address) => Err(FetchError::Forbidden { url: url(), leads_to: None, address }),
            None => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, access: Access) -> bool {
        Remote::new(RepositoryUrl::parse(url).unwrap()).with_access(access).check().is_err()
    }

    #[test]
    fn what_the_url_alone_forbids_is_known_before_anybody_is_asked() {
        for url in [
            "file:///srv/fleet",
            "https://127.0.0.1/fleet",
            "https://[::1]:8443/fleet",
            "https://localhost:3000/fleet",
            "ssh://git@LOCALHOST/fleet",
            "http://169.254.169.254/latest",
        ] {
            assert!(refused(url, Access::default()), "{url}");
            assert!(!refused(url, Access::own()), "{url}");
        }
        for url in ["https://github.com/org/fleet", "https://10.0.0.7/fleet", "ssh://git@localhost.example.com/fleet"] {
            assert!(!refused(url, Access::default()), "{url}");
        }
        let loopback =
            Access { network: crate::Network::Others(vec!["127.0.0.0/8".parse().unwrap()]), ..Access::default() };
        assert!(!refused("https://localhost/fleet", loopback));
    }
}
