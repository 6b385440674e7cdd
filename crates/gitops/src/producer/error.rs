//! Why there are no manifests.

use std::fmt::Display;

use cowherd_apply::Unmasked;
use cowherd_apply::mask::Mask;
use tokio::task::JoinError;

use crate::conditions::BUILD_FAILED;

/// Why there are no manifests.
#[derive(Debug)]
pub(crate) struct ProducerError {
    /// It may hold what the mask of the producer hides.
    cause: Unmasked,
    /// The reason in one word, as Flux gives it.
    pub(crate) reason: &'static str,
    /// Whether nothing in the content has to change for it to work.
    pub(crate) may_pass: bool,
}

impl ProducerError {
    /// An error for this reason; whether nothing in the content has to change for it to work.
    pub(crate) fn new(cause: impl Display, reason: &'static str, may_pass: bool) -> Self {
        Self::of(Unmasked::of(&cause), reason, may_pass)
    }

    /// The same of what is told through a mask already.
    pub(crate) fn of(cause: Unmasked, reason: &'static str, may_pass: bool) -> Self {
        Self { cause, reason, may_pass }
    }

    /// What people are told.
    pub(crate) fn told(&self, mask: &Mask) -> String {
        self.cause.told(mask)
    }

    /// What it says, as it is.
    pub(crate) fn text(&self) -> &Unmasked {
        &self.cause
    }

    /// The same without what `mask` hides.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        Self::new(self.told(mask), self.reason, self.may_pass)
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
        let told = error.told(&Mask::default());
        assert!(!format!("{told} {error:?}").contains("5ecret"), "{told}");
    }
}
