//! Why a bucket is not to be had, in Flux's words where it has some.

use cowherd_api::supported::Refused;
use cowherd_source::{BucketError, BucketPlaceError, BucketProblem, BucketStep, WebProblem};
use cowherd_tree::TreeError;

use super::super::Problem;
use super::super::secrets::Unread;
use crate::conditions;
use crate::fetches::BrokenOff;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The endpoint, or the name of the bucket, is none.
    #[error(transparent)]
    Place(#[from] BucketPlaceError),
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// It is to be fetched with what a cloud knows of its machines.
    #[error(
        "spec.provider \"aws\" without secretRef, which is authentication by what the cloud knows of its machines and accounts, is not \
         supported yet; put accesskey and secretkey into a Secret that spec.secretRef names"
    )]
    Workload,
    /// A Secret is not to be had, or cannot be used.
    #[error("{0}")]
    Credentials(#[from] Unread),
    /// The server did not give it.
    #[error("{0}")]
    Fetch(#[from] BucketError),
    /// What came cannot be read.
    #[error("failed to read what is kept of the bucket: {0}")]
    Kept(#[from] TreeError),
    /// The program has no place for what is in buckets.
    #[error("this program was started without a place to keep artifacts in")]
    NoPlace,
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) | Self::Workload => conditions::UNSUPPORTED,
            Self::Place(BucketPlaceError::Endpoint { .. }) | Self::Credentials(_) => "AuthenticationFailed",
            Self::Fetch(BucketError { step: BucketStep::Credentials, .. }) => "AuthenticationFailed",
            Self::Fetch(BucketError { problem: BucketProblem::Web(WebProblem::Forbidden { .. }), .. }) => {
                conditions::ACCESS_DENIED
            }
            Self::Place(BucketPlaceError::Name(_)) | Self::Fetch(_) => "BucketOperationFailed",
            Self::Kept(_) | Self::NoPlace | Self::Broken(_) => "BucketOperationFailed",
        }
    }

    /// Whether only a change of the object can help.
    fn is_final(&self) -> bool {
        matches!(self, Self::Unsupported(_) | Self::Workload)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = matches!(&error, Error::Fetch(cause) if cause.may_pass());
        let (reason, is_final) = (error.reason(), error.is_final());
        let is_bug = matches!(error, Error::Broken(_));
        Self { reason, message: Self::said(&error, may_pass), is_final, may_pass, is_unverified: false, is_bug }
    }
}
