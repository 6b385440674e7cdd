//! Why a commit is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::{FetchError, RangeError, UrlError};
use cowherd_tree::TreeError;

use super::super::Problem;
use super::super::secrets::Unread;
use super::verification::Unverified;
use crate::conditions;
use crate::fetches::BrokenOff;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The URL is none.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// The range of versions is none.
    #[error("spec.ref.semver: {0}")]
    Range(#[from] RangeError),
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// A proxy is named for ssh.
    #[error(
        "spec.proxySecretRef is not supported over ssh yet; use the repository's https URL, or reach it without a proxy"
    )]
    ProxyOfSsh,
    /// The Secret with the credentials cannot be read.
    #[error("{0}")]
    Secret(#[from] Unread),
    /// The Secret with the proxy cannot be read.
    #[error("failed to configure proxy options: {0}")]
    Proxy(Unread),
    /// Nobody who may has signed it.
    #[error("{0}")]
    Unverified(#[from] Unverified),
    /// Git failed.
    #[error("failed to checkout and determine revision: {0}")]
    Fetch(#[from] FetchError),
    /// The patterns of files to leave out cannot be read.
    #[error("failed to load source ignore patterns from repository: {0}")]
    Ignore(#[from] TreeError),
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Url(_) => "URLInvalid",
            Self::Unsupported(_) | Self::ProxyOfSsh => conditions::UNSUPPORTED,
            Self::Secret(_) | Self::Proxy(_) => "AuthenticationFailed",
            Self::Unverified(unverified) => unverified.reason(),
            Self::Fetch(FetchError::Refused { .. } | FetchError::HostKey { .. } | FetchError::Credentials { .. }) => {
                "AuthenticationFailed"
            }
            Self::Fetch(FetchError::NotAllowed(_) | FetchError::Forbidden { .. }) => conditions::ACCESS_DENIED,
            Self::Ignore(_) => "SourceIgnoreError",
            Self::Range(_) | Self::Fetch(_) | Self::Broken(_) => "GitOperationFailed",
        }
    }

    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Url(_) | Self::Range(_) | Self::Unsupported(_) | Self::ProxyOfSsh => true,
            Self::Unverified(unverified) => unverified.is_final(),
            _ => false,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = matches!(&error, Error::Fetch(error) if error.may_pass());
        let is_unverified = matches!(error, Error::Unverified(_));
        let (reason, is_final) = (error.reason(), error.is_final());
        Self { reason, message: Self::told(&error, may_pass), is_final, may_pass, is_unverified }
    }
}
