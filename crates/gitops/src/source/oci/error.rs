//! Why an artifact is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::sigstore::IdentitiesError;
use cowherd_source::{ArtifactError, ArtifactProblem, ArtifactStep, RangeError, WebProblem};
use cowherd_tree::TreeError;

use super::super::Problem;
use super::super::remedy::{self, Fields};
use super::super::secrets::Unread;
use crate::conditions;
use crate::fetches::BrokenOff;

/// The fields that help where a registry does not give an artifact.
const FIELDS: Fields = Fields {
    credentials: "a Secret of the type kubernetes.io/dockerconfigjson, which spec.secretRef of the OCIRepository names, or an account \
                  with such imagePullSecrets by spec.serviceAccountName",
    insecure: "by spec.insecure: true of the OCIRepository",
};

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The URL is none.
    #[error("URL validation failed for '{url}': {cause}", cause = bare(.cause))]
    Url { url: String, cause: WebProblem },
    /// The range of versions, the filter or the digest is none.
    #[error("{0}")]
    Reference(String),
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// A Secret or the ServiceAccount is not to be had, or cannot be used.
    #[error("failed to get credential: {0}")]
    Credentials(#[from] Unread),
    /// Who may sign is not said by an expression.
    #[error("failed to verify the signature using provider 'cosign keyless': spec.verify.{0}")]
    Identities(#[from] IdentitiesError),
    /// The keys that may sign, or the root of trust, are not to be had.
    #[error("failed to verify the signature using provider '{provider}': {cause}")]
    Untrusting { provider: &'static str, cause: Unread },
    /// Nobody who may has signed it.
    #[error("failed to verify the signature using provider '{provider}': {cause}")]
    Unverified { provider: &'static str, cause: ArtifactError },
    /// The registry did not give it.
    #[error("{begin} '{url}': {cause}", begin = begin(.cause.step))]
    Fetch { url: String, cause: ArtifactError },
    /// The patterns of files to leave out cannot be read.
    #[error("failed to load source ignore patterns from repository: {0}")]
    Ignore(#[from] TreeError),
    /// The program has no place for artifacts.
    #[error("this program was started without a place to keep artifacts in")]
    NoPlace,
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

/// What is wrong with a URL, where that is said already.
fn bare(cause: &WebProblem) -> String {
    match cause {
        WebProblem::Location { cause, .. } => cause.clone(),
        other => other.to_string(),
    }
}

/// What was being done, as Flux says it.
fn begin(step: ArtifactStep) -> &'static str {
    match step {
        ArtifactStep::Credentials => "failed to generate transport for",
        ArtifactStep::Tag => "failed to determine the artifact tag for",
        ArtifactStep::Digest => "failed to determine artifact digest of",
        ArtifactStep::Verify => "failed to verify the signature of",
        ArtifactStep::Pull => "failed to pull artifact from",
        ArtifactStep::Layer => "failed to take the layer of artifact from",
    }
}

impl Error {
    /// The reason in one word, as Flux gives it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Url { .. } => "URLInvalid",
            Self::Unsupported(_) => conditions::UNSUPPORTED,
            Self::Identities(_) | Self::Untrusting { .. } | Self::Unverified { .. } => "VerificationError",
            Self::Credentials(_) => "AuthenticationFailed",
            Self::Reference(_) => "ReadOperationFailed",
            Self::Fetch {
                cause: ArtifactError { problem: ArtifactProblem::Web(WebProblem::Forbidden { .. }), .. },
                ..
            } => conditions::ACCESS_DENIED,
            Self::Fetch { cause, .. } => match cause.step {
                ArtifactStep::Credentials => "AuthenticationFailed",
                ArtifactStep::Tag => "ReadOperationFailed",
                ArtifactStep::Verify => "VerificationError",
                ArtifactStep::Digest | ArtifactStep::Pull => "OCIArtifactPullFailed",
                ArtifactStep::Layer => "OCIArtifactLayerOperationFailed",
            },
            Self::Ignore(_) => "SourceIgnoreError",
            Self::NoPlace | Self::Broken(_) => "OCIArtifactPullFailed",
        }
    }

    /// Whether only a change of the object can help.
    fn is_final(&self) -> bool {
        matches!(self, Self::Url { .. } | Self::Unsupported(_) | Self::Identities(_))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let is_unverified = matches!(error.reason(), "VerificationError");
        let may_pass = match &error {
            Error::Fetch { cause, .. } | Error::Unverified { cause, .. } => cause.may_pass(),
            _ => false,
        };
        let (reason, is_final) = (error.reason(), error.is_final());
        let message = match &error {
            Error::Fetch { cause, .. } => remedy::told(error.to_string(), cause.web(), &FIELDS),
            _ => error.to_string(),
        };
        let is_bug = matches!(error, Error::Broken(_));
        Self { reason, message: Self::said(&message, may_pass), is_final, may_pass, is_unverified, is_bug }
    }
}

impl From<RangeError> for Error {
    fn from(error: RangeError) -> Self {
        Self::Reference(format!("spec.ref.semver: {error}"))
    }
}
