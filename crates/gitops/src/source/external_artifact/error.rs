//! Why an ExternalArtifact has no content.

use cowherd_source::{ArtifactError, ArtifactProblem, WebProblem};

use super::super::Problem;
use crate::NamespacedName;
use crate::conditions;
use crate::fetches::BrokenOff;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Its generator has made nothing for it.
    #[error("ArtifactGenerator '{0}' has not made it yet; its conditions say what it waits for")]
    NotMade(NamespacedName),
    /// Nobody has said where it is.
    #[error("does not have an artifact: whoever makes it has not said in status.artifact where it is")]
    NoArtifact,
    /// Its digest is none that can be compared.
    #[error("status.artifact.digest: {0}")]
    Digest(String),
    /// There is no place for what is fetched.
    #[error("there is no place here where artifacts can be kept")]
    NoPlace,
    /// It could not be fetched.
    #[error("failed to fetch the artifact '{revision}': {cause}")]
    Fetch { revision: String, cause: ArtifactError },
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let reason = match &error {
            Error::Fetch { cause, .. } => match &cause.problem {
                ArtifactProblem::Web(WebProblem::Forbidden { .. }) => conditions::ACCESS_DENIED,
                _ => conditions::ARTIFACT_FAILED,
            },
            _ => conditions::ARTIFACT_FAILED,
        };
        let may_pass = match &error {
            Error::Fetch { cause, .. } => cause.may_pass(),
            Error::NotMade(_) | Error::NoArtifact => true,
            _ => false,
        };
        let is_fetched = matches!(error, Error::Fetch { .. });
        let message = Self::said(&error, is_fetched && may_pass);
        let is_bug = matches!(error, Error::Broken(_));
        Self { reason, message, is_final: false, may_pass, is_unverified: false, is_bug }
    }
}
