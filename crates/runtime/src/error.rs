//! Why a reconciliation failed.

use std::time::Duration;

/// The error of a single reconciliation. It is logged, counted, and tried again later.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API refused a request or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// The object lacks what the API guarantees, such as a name or uid.
    #[error("the object has no {0}")]
    Incomplete(&'static str),
    /// The object's content cannot be worked with, such as a selector that is none.
    #[error("{0}")]
    Invalid(String),
    /// The reconciliation did not end in time and was given up.
    #[error("not done after {0:?}")]
    TimedOut(Duration),
    /// The reconciliation panicked, which is a bug; the text is that of the panic.
    #[error("panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// Whether the object is gone, which ends the work on it.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.is_not_found())
    }

    /// Whether the object changed meanwhile: the next event brings its new state.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.is_conflict())
    }

    /// Whether a patch that names an object by its uid met none, or another one of the name: it is gone, was changed meanwhile, or was
    /// made anew, which the API takes for an attempt to give the new one another uid.
    pub fn is_gone_or_changed(&self) -> bool {
        let is_another = matches!(self, Self::Api(kube::Error::Api(status)) if status.is_invalid());
        self.is_not_found() || self.is_conflict() || is_another
    }
}
