//! Why there are no manifests.

use std::error::Error;

use crate::conditions::BUILD_FAILED;

/// Why there are no manifests. What is displayed may hold what the mask of the producer hides.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct ProducerError {
    cause: Box<dyn Error + Send + Sync>,
    /// The reason in one word, as Flux gives it.
    pub(crate) reason: &'static str,
    /// Whether nothing in the content has to change for it to work.
    pub(crate) may_pass: bool,
}

impl ProducerError {
    /// An error for this reason; whether nothing in the content has to change for it to work.
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>, reason: &'static str, may_pass: bool) -> Self {
        Self { cause: cause.into(), reason, may_pass }
    }

    /// A bug in the producer; how it ended.
    pub(crate) fn broken(cause: &impl Error) -> Self {
        Self::new(format!("the render broke off: {cause}"), BUILD_FAILED, false)
    }
}
