//! Why a control plane does not start.

use cowherd_apiserver::pki::PkiError;

use crate::DataDirError;

/// Why a control plane does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The state cannot be opened.
    #[error(transparent)]
    Store(#[from] cowherd_store::OpenError),
    /// The API cannot be served from the state.
    #[error(transparent)]
    Api(#[from] cowherd_apiserver::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address with --listen, such as 127.0.0.1:0")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] PkiError),
    /// The definitions of what the agents reconcile cannot be brought.
    #[error(transparent)]
    Install(#[from] cowherd_gitops::InstallError),
    /// The agents cannot be given their rights.
    #[error("cannot give the agents their rights: {object}")]
    Rights {
        /// The role or the binding.
        object: String,
        /// Why not.
        #[source]
        cause: Box<kube::Error>,
    },
    /// Opening the state broke off, which is a bug.
    #[error("opening the state broke off")]
    Broken(#[from] tokio::task::JoinError),
}
