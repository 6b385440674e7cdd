//! What a fetch may use and reach: that depends on whose word it is made on.

mod network;

use std::path::{Path, PathBuf};

pub(crate) use network::Forbidden;
pub use network::{Block, BlockError, Network};

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
