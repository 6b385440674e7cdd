//! Why nothing was pushed.

use super::LONGEST_OPTION;
use crate::{FetchError, RepositoryUrl};

/// Why nothing was pushed. No variant holds a credential.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// The server was not reached, or said something that makes no sense.
    #[error(transparent)]
    Fetch(FetchError),
    /// The server does not let us write.
    #[error("{url} refused the push: {cause}; check the credentials and whether they may write to this repository")]
    Refused {
        /// The repository.
        url: RepositoryUrl,
        /// What the server said.
        cause: String,
    },
    /// Somebody else has pushed meanwhile.
    #[error("{reference} of {url} stands elsewhere than at what the commit is made of; it is not overwritten")]
    Overtaken {
        /// The repository.
        url: RepositoryUrl,
        /// The reference.
        reference: String,
    },
    /// The server does not take what was pushed.
    #[error("{url} rejected the push to {reference}: {cause}; see what protects that branch there")]
    Rejected {
        /// The repository.
        url: RepositoryUrl,
        /// The reference.
        reference: String,
        /// What the server said.
        cause: String,
    },
    /// The server does not do something that a push asks for.
    #[error("{url} takes no {what}; push without")]
    Unable {
        /// The repository.
        url: RepositoryUrl,
        /// What it does not take.
        what: &'static str,
    },
    /// An option is longer than one can be sent.
    #[error("an option of the push has {0} bytes, and {LONGEST_OPTION} is the most that Git sends of one; shorten it")]
    LongOption(usize),
    /// A reference has no name that one can have.
    #[error("{0:?} is no reference; write one as refs/heads/BRANCH")]
    Reference(String),
}

impl PushError {
    /// Whether somebody else has pushed meanwhile: on top of that it may be pushed again.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Self::Overtaken { .. })
    }

    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Fetch(error) => error.may_pass(),
            Self::Overtaken { .. } => true,
            _ => false,
        }
    }
}

impl From<FetchError> for PushError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Refused { url, cause } => Self::Refused { url, cause },
            other => Self::Fetch(other),
        }
    }
}
