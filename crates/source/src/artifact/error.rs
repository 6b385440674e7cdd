//! Why an artifact could not be fetched.

use std::sync::Arc;

use cowherd_tree::ArchiveError;

use crate::{NoRoom, WebProblem};

/// Why an artifact could not be fetched: what was being done, the cause, and what to do.
///
/// No variant holds a credential, and URLs are shown without user information and query.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct ArtifactError {
    /// What was being done.
    pub step: ArtifactStep,
    /// What happened.
    pub problem: ArtifactProblem,
}

/// The steps by which an artifact is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactStep {
    /// The credentials are made ready.
    Credentials,
    /// It is found out which tag is meant.
    Tag,
    /// It is found out which manifest that is.
    Digest,
    /// The manifest is read.
    Pull,
    /// Its signatures are verified.
    Verify,
    /// The layer is chosen, downloaded and unpacked.
    Layer,
}

/// What can keep an artifact from being fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ArtifactProblem {
    /// The registry did not give it.
    #[error(transparent)]
    Web(#[from] WebProblem),
    /// No tag is in the range.
    #[error("no match found for semver: {range}; {available}")]
    NoVersion {
        /// The range.
        range: String,
        /// What there is, in words.
        available: String,
    },
    /// There is no room on disk for it.
    #[error("it cannot be kept: {0}")]
    NoRoom(#[from] NoRoom),
    /// Nobody who is trusted has signed it.
    #[error("no matching signatures were found for '{name}'{hint}")]
    Unsigned {
        /// What should be signed.
        name: String,
        /// What may be wrong.
        hint: String,
    },
    /// What is there is an index of images for other machines.
    #[error("the index has no image for linux/amd64, which is the one that is taken; push one for it, or an artifact")]
    NoImage,
    /// The artifact has no layers.
    #[error("no layers found in artifact; push it with `flux push artifact`")]
    NoLayer,
    /// The artifact has no layer of the type.
    #[error("failed to find layer with media type '{wanted}' in artifact; it has {available}")]
    NoLayerOfType {
        /// The media type that is asked for.
        wanted: String,
        /// The media types that there are.
        available: String,
    },
    /// The layer cannot be unpacked.
    #[error(
        "failed to extract layer contents from artifact: {0}; it is asked for again when another is pushed, or by `cowherd reconcile`"
    )]
    Archive(#[from] Arc<ArchiveError>),
}

impl ArtifactError {
    /// What the registry has against it, if that is it.
    pub fn web(&self) -> Option<&WebProblem> {
        match &self.problem {
            ArtifactProblem::Web(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether it may pass by itself: then trying again can help.
    pub fn may_pass(&self) -> bool {
        matches!(&self.problem, ArtifactProblem::Web(problem) if problem.may_pass())
    }
}
