//! Why the index of a repository is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::{ChartError, ChartProblem, WebProblem};

use super::super::Problem;
use super::super::remedy::{self, Fields};
use super::super::secrets::Unread;
use crate::conditions;
use crate::fetches::BrokenOff;

/// The fields that help where a server does not give a chart, or an index.
pub(in super::super) const FIELDS: Fields = Fields {
    credentials: "a Secret with username and password, which spec.secretRef of the HelmRepository names",
    insecure: "by an http address or, for a registry, spec.insecure: true of the HelmRepository",
};

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Error {
    /// The URL is none of a repository of charts.
    #[error("invalid Helm repository URL: {0}")]
    Url(String),
    /// The URL is none of a registry.
    #[error("invalid OCI registry URL: {0}")]
    Registry(String),
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// A Secret is not to be had, or cannot be used.
    #[error("failed to configure Helm client: {0}")]
    Credentials(#[from] Unread),
    /// The server did not give it.
    #[error("failed to fetch Helm repository index: {0}")]
    Fetch(ChartError),
    /// What it gave is no index.
    #[error("failed to load Helm repository from index YAML: {0}")]
    Index(ChartError),
    /// The program cannot fetch charts.
    #[error("this program was started without a place to keep charts in")]
    NoPlace,
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    pub(in super::super) fn reason(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::Registry(_) => "URLInvalid",
            Self::Unsupported(_) => conditions::UNSUPPORTED,
            Self::Credentials(_) => "AuthenticationFailed",
            Self::Fetch(ChartError { problem: ChartProblem::Web(WebProblem::Forbidden { .. }), .. }) => {
                conditions::ACCESS_DENIED
            }
            Self::Fetch(_) | Self::NoPlace | Self::Broken(_) => "Failed",
            Self::Index(_) => "IndexationFailed",
        }
    }

    /// What is said of it, with the fields of the HelmRepository that help.
    pub(in super::super) fn with_remedy(&self, message: String) -> String {
        match self {
            Self::Fetch(cause) => remedy::told(message, cause.web(), &FIELDS),
            _ => message,
        }
    }

    /// Whether only a change of the object can help.
    pub(in super::super) fn is_final(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Registry(_) | Self::Unsupported(_))
    }
}

impl From<ChartError> for Error {
    fn from(error: ChartError) -> Self {
        if matches!(error.problem, ChartProblem::Index(_)) { Self::Index(error) } else { Self::Fetch(error) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = matches!(&error, Error::Fetch(cause) if cause.may_pass());
        let (reason, is_final) = (error.reason(), error.is_final());
        let message = error.with_remedy(error.to_string());
        let is_bug = matches!(error, Error::Broken(_));
        Self { reason, message: Self::said(&message, may_pass), is_final, may_pass, is_unverified: false, is_bug }
    }
}
