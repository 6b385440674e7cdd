//! Why there are no manifests.

use std::error::Error;

use cowherd_apply::mask::Mask;
use tokio::task::JoinError;

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

    /// The same without what `mask` hides.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        Self::new(mask.text(&self.to_string()), self.reason, self.may_pass)
    }

    /// A bug in the producer.
    pub(crate) fn broken(cause: JoinError) -> Self {
        tracing::error!(error = cowherd_runtime::broken_off(cause), "a render broke off");
        Self::new("the render broke off; this is a bug in cowherd", BUILD_FAILED, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_says_is_not_told() {
        let panicked = tokio::task::spawn_blocking(|| panic!("pass-5ecret")).await.unwrap_err();
        let error = ProducerError::broken(panicked);
        assert!(!format!("{error} {error:?}").contains("5ecret"), "{error:?}");
    }
}
