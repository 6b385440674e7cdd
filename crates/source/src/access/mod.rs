//! What a fetch may use and reach: that depends on whose word it is made on.

mod network;

use std::path::{Path, PathBuf};

pub(crate) use network::bare;
pub use network::{Block, BlockError, Forbidden, Network};

use crate::WebProblem;

/// What a fetch may use and reach.
///
/// By default it is made on the word of a manifest, which anybody may have written: nothing that the person who runs the
/// program has set up is used, no server of this machine is reached, and no directory of it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Whose set-up is used.
    pub setup: Setup,
    /// Which addresses are connected to.
    pub network: Network,
    /// Which directories of this machine are read.
    pub local: LocalAccess,
}

impl Access {
    /// All that the person who runs the program may do: they asked for it.
    pub fn own() -> Self {
        Self { setup: Setup::Own, network: Network::Any, local: LocalAccess::Any }
    }

    /// The same, and these addresses may be connected to.
    pub fn reaching(mut self, blocks: &[Block]) -> Self {
        if let Network::Others(but) = &mut self.network {
            but.extend(blocks.iter().copied());
        }
        self
    }

    /// What forbids to ask the server of a URL, as far as the URL says it, before any name is looked up and anybody asked.
    ///
    /// # Errors
    /// When its host is an address that must not be connected to.
    pub fn check(&self, url: &str) -> Result<(), WebProblem> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // What is in brackets has colons of its own.
        let port = host.rfind(':').filter(|colon| host.rfind(']').is_none_or(|bracket| bracket < *colon));
        let addresses = crate::address::named_by(&host[..port.unwrap_or(host.len())]);
        let Some(address) = self.network.forbidden(&addresses) else { return Ok(()) };
        let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
        let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
        Err(WebProblem::Forbidden { url: format!("{scheme}{host}{path}"), leads_to: None, address })
    }
}

/// Whose set-up is used to reach a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Setup {
    /// None: only the credentials that came with the repository.
    #[default]
    Given,
    /// That of the user who runs the program, beside the credentials that were given: for ssh its configuration, keys,
    /// agent and known hosts; for http the proxies of the environment.
    Own,
}

/// Which repositories of this machine are read.
///
/// Whoever writes a manifest can name any path, and what is read ends up in the cluster: a path is read on the word
/// of whoever runs the program, not of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LocalAccess {
    /// All that the process may read.
    Any,
    /// Those at, or below, these paths.
    Only(Vec<PathBuf>),
}

impl Default for LocalAccess {
    /// None.
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl LocalAccess {
    /// Whether the repository at `path` is read.
    pub fn allows(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match self {
            Self::Any => true,
            Self::Only(allowed) => allowed.iter().any(|allowed| real(path).starts_with(real(allowed))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_held_against_what_must_not_be_connected_to() {
        let access = Access::default();
        for (url, shown) in [
            ("oci://127.0.0.1:5000/apps", "oci://127.0.0.1:5000/apps"),
            ("https://user:secret@localhost/charts?token=secret", "https://localhost/charts"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[fe80::1]/a", "http://[fe80::1]/a"),
            ("https://169.254.169.254/latest", "https://169.254.169.254/latest"),
        ] {
            let problem = access.check(url).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("{shown} is at ")) && !problem.contains("secret"), "{problem}");
            assert!(Access::own().check(url).is_ok());
        }
        for url in
            ["oci://ghcr.io/org/apps", "https://10.0.0.7/charts", "https://[fd12::1]/a", "oci://registry:5000/a", ""]
        {
            assert!(access.check(url).is_ok(), "{url}");
        }
    }
}
