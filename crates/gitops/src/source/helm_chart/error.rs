//! Why a chart is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::{ChartError, ChartProblem, WebProblem};

use super::super::{Problem, helm_repository, remedy};
use crate::conditions;
use crate::fetches::BrokenOff;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// The source that the chart is in is not to be had.
    #[error("failed to get source: {0}")]
    Source(String),
    /// The source has nothing yet.
    #[error("no artifact available for {kind} source '{name}'")]
    NoArtifact { kind: &'static str, name: String },
    /// The repository cannot be asked.
    #[error(transparent)]
    Repository(#[from] helm_repository::Error),
    /// The chart, its name or its path, is none.
    #[error("invalid chart reference: {0}")]
    Reference(String),
    /// The repository did not give it.
    #[error("chart pull error: {0}")]
    Pull(#[from] ChartError),
    /// The version of the chart cannot have what is to be added.
    #[error("chart metadata patch error: {0}")]
    Metadata(String),
    /// The files of values cannot be merged.
    #[error("values files merge error: {0}")]
    Values(String),
    /// The chart lacks charts that it depends on.
    #[error("dependency build error: {0}")]
    Dependencies(String),
    /// The chart cannot be read.
    #[error("chart package error: {0}")]
    Package(String),
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => conditions::UNSUPPORTED,
            Self::Source(_) => "SourceUnavailable",
            Self::NoArtifact { .. } => "NoSourceArtifact",
            Self::Repository(error) => error.reason(),
            Self::Reference(_) => "InvalidChartReference",
            Self::Pull(ChartError { problem: ChartProblem::Web(WebProblem::Forbidden { .. }), .. }) => {
                conditions::ACCESS_DENIED
            }
            Self::Pull(ChartError {
                problem: ChartProblem::Web(WebProblem::Refused { .. } | WebProblem::Tls { .. }),
                ..
            }) => "AuthenticationFailed",
            Self::Pull(_) | Self::Broken(_) => "ChartPullError",
            Self::Metadata(_) => "MetadataPatchError",
            Self::Values(_) => "ValuesFilesError",
            Self::Dependencies(_) => "DependencyBuildError",
            Self::Package(_) => "ChartPackageError",
        }
    }

    /// Whether only a change of the object, or of its source, can help.
    fn is_final(&self) -> bool {
        match self {
            Self::Repository(error) => error.is_final(),
            Self::Unsupported(_) | Self::Reference(_) | Self::Metadata(_) | Self::Values(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = match &error {
            Error::Pull(cause) => cause.may_pass(),
            // What it waits for may come.
            Error::Source(_) | Error::NoArtifact { .. } => true,
            _ => false,
        };
        let (reason, is_final) = (error.reason(), error.is_final());
        let message = match &error {
            Error::Pull(cause) => {
                let message = remedy::told(error.to_string(), cause.web(), &helm_repository::FIELDS);
                Self::said(&message, may_pass)
            }
            Error::Repository(cause) => Self::said(&cause.with_remedy(error.to_string()), false),
            _ => Self::said(&error, false),
        };
        let is_bug = matches!(error, Error::Broken(_) | Error::Repository(helm_repository::Error::Broken(_)));
        Self { reason, message, is_final, may_pass, is_unverified: false, is_bug }
    }
}
