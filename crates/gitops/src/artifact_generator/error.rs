//! Why a generator makes nothing, in Flux's words where it has some.

use cowherd_api::supported::Refused;

use super::cycle::Endless;
use crate::conditions;
use crate::fetches::BrokenOff;

/// Why nothing is made, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// The spec contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// It would be made of itself.
    #[error("{0}")]
    Endless(#[from] Endless),
    /// It names a source of another namespace, where it may not.
    #[error("cross-namespace reference to source {0} is not allowed")]
    CrossNamespace(String),
    /// A source has nothing.
    #[error("get sources failed: {0}")]
    Sources(String),
    /// The pattern of directories makes no artifacts.
    #[error("failed to expand path pattern: {text}")]
    Expand { text: String, is_final: bool },
    /// An artifact cannot be made.
    #[error("{name} build failed: {cause}")]
    Build { name: String, cause: String },
    /// An ExternalArtifact cannot be written.
    #[error("{name} reconcile failed: {cause}")]
    Object { name: String, cause: String },
    /// The generator itself cannot be written.
    #[error("{0}")]
    Api(String),
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
    /// Another one.
    #[error("the reconciliation broke off; this is a bug in cowherd")]
    BrokeOff,
}

impl Error {
    /// The reason in one word, as Flux gives it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => conditions::UNSUPPORTED,
            Self::Invalid(_) | Self::Endless(_) => "ValidationFailed",
            Self::CrossNamespace(_) => conditions::ACCESS_DENIED,
            Self::Sources(_) => "SourceFetchFailed",
            Self::Expand { .. } | Self::Build { .. } => conditions::BUILD_FAILED,
            Self::Object { .. } | Self::Api(_) | Self::Broken(_) | Self::BrokeOff => conditions::RECONCILIATION_FAILED,
        }
    }

    /// Whether only a change of the object, or of its sources, can help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Unsupported(_) | Self::Invalid(_) | Self::Endless(_) | Self::CrossNamespace(_) => true,
            Self::Expand { is_final, .. } => *is_final,
            _ => false,
        }
    }
}
