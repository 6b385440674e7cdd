//! Why a commit is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::{FetchError, GitHubAppError, RangeError, UrlError};
use cowherd_tree::{GraftError, TreeError};

use super::super::Problem;
use super::super::secrets::Unread;
use super::include::NotIncluded;
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
    /// There is no Secret with an app.
    #[error("secretRef with github app data must be specified when provider is set to github")]
    NoApp,
    /// The Secret does not describe an app, or the app is given no token.
    #[error(
        "failed to configure authentication options: the app of the Secret '{name}' of spec.secretRef is given no token: {cause}"
    )]
    App { name: String, cause: GitHubAppError },
    /// The Secret describes an app that nobody asked for.
    #[error("secretRef '{0}' has github app data but provider is not set to github")]
    UnexpectedApp(String),
    /// An app is for https.
    #[error(
        "an app of GitHub is given tokens for https; use the repository's https URL, or the provider generic with a key for ssh"
    )]
    AppOfSsh,
    /// The Secret with the proxy cannot be read.
    #[error("failed to configure proxy options: {0}")]
    Proxy(Unread),
    /// Nobody who may has signed it.
    #[error("{0}")]
    Unverified(#[from] Unverified),
    /// What is to be included is not to be had.
    #[error("{0}")]
    NotIncluded(#[from] NotIncluded),
    /// A submodule cannot be put where it belongs.
    #[error("failed to checkout and determine revision: {0}")]
    Submodule(#[from] GraftError),
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
            Self::NoApp
            | Self::AppOfSsh
            | Self::UnexpectedApp(_)
            | Self::App { cause: GitHubAppError::Incomplete(_), .. } => "InvalidProviderConfiguration",
            Self::App { .. } => "AuthenticationFailed",
            Self::Unverified(unverified) => unverified.reason(),
            Self::NotIncluded(not_included) => not_included.reason(),
            Self::Fetch(error) => of_fetch(error.innermost()),
            Self::Ignore(_) => "SourceIgnoreError",
            Self::Range(_) | Self::Submodule(_) | Self::Broken(_) => "GitOperationFailed",
        }
    }

    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Url(_) | Self::Range(_) | Self::Unsupported(_) | Self::ProxyOfSsh | Self::NoApp | Self::AppOfSsh => {
                true
            }
            Self::Unverified(unverified) => unverified.is_final(),
            _ => false,
        }
    }
}

fn of_fetch(error: &FetchError) -> &'static str {
    match error {
        FetchError::Refused { .. } | FetchError::HostKey { .. } | FetchError::Credentials { .. } => {
            "AuthenticationFailed"
        }
        FetchError::NotAllowed(_) | FetchError::Forbidden { .. } => conditions::ACCESS_DENIED,
        _ => "GitOperationFailed",
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = match &error {
            Error::Fetch(error) => error.may_pass(),
            Error::App { cause, .. } => cause.may_pass(),
            _ => false,
        };
        let is_unverified = matches!(error, Error::Unverified(_));
        let (reason, is_final) = (error.reason(), error.is_final());
        let is_bug = matches!(error, Error::Broken(_));
        Self { reason, message: Self::said(&error, may_pass), is_final, may_pass, is_unverified, is_bug }
    }
}
