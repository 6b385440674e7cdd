//! Why a step of a reconciliation failed.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::mask::Mask;
use cowherd_apply::{ApplyError, ObjectId, Unmasked};

use crate::conditions::{
    BUILD_FAILED, HEALTH_CHECK_FAILED, NO_CONTROLLER, PRUNE_FAILED, PRUNE_PROTECTED, RECONCILIATION_FAILED,
};
use crate::owner::status::{Unwritten, go_duration};
use crate::producer::ProducerError;
use crate::target::TargetError;

/// Why a step failed. What it says may hold values of Secrets: it cannot be displayed, and is [told](Failure::told) without what a
/// mask hides.
pub(crate) enum Failure {
    /// Something newer is to be done.
    Superseded,
    /// Somebody else wrote the status meanwhile.
    Overtaken,
    /// It is said in the status already, and was told.
    Told {
        /// What Ready says of it.
        message: String,
        /// Whether it is tried again soon.
        may_pass: bool,
    },
    /// A step of a story of its own failed.
    Because {
        /// The reason in one word, as Flux gives it.
        reason: &'static str,
        /// The reason in a sentence.
        message: Unmasked,
        /// Whether nothing in the repository has to change for it to work.
        may_pass: bool,
    },
    /// A panic.
    Broken,
    /// The API could not be asked for, or told, what a reconciliation needs.
    Api(String),
    /// The cluster does not let the agents act on behalf of others.
    NoImpersonation(String),
    /// The agents may not act on behalf of this account.
    Account {
        /// The account.
        user: String,
        /// What the API says.
        cause: Unmasked,
    },
    /// The cluster that the owner names is not reached.
    Target(TargetError),
    /// The same for one that is deleted.
    Stranded {
        /// Why it is not reached.
        error: TargetError,
        /// How many there are.
        count: usize,
    },
    /// There are no manifests.
    Produce(Arc<ProducerError>),
    /// Objects could not be applied.
    Apply(Box<ApplyError>),
    /// Objects that are no longer described could not be deleted.
    Prune(Box<ApplyError>),
    /// The objects of an owner that is deleted could not be.
    Finalize(Box<ApplyError>),
    /// It could not be seen what a deletion would take with it.
    Content {
        /// What would be deleted.
        object: ObjectId,
        /// What the API says.
        cause: String,
    },
    /// A deletion waits for approval.
    Protected(String),
    /// It could not be seen whether anything acts upon the objects.
    Unseen(Box<ApplyError>),
    /// Nothing acts upon objects.
    Idle(String),
    /// The account may not read what `healthChecks` names.
    Unreadable(Box<ApplyError>),
    /// Objects are not healthy.
    Health {
        /// The cause.
        error: Box<ApplyError>,
        /// How long it was waited for them, where they took too long. Without that, the same failure has the same words each
        /// time.
        took: Option<Duration>,
        /// Why they cannot be, where that is known.
        why: Option<String>,
    },
}

cowherd_apply::cannot_be_displayed!(Failure, ProducerError);

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({})", self.reason())
    }
}

fn after(took: &Option<Duration>) -> String {
    took.map_or_else(String::new, |took| format!(" after {}", go_duration(took)))
}

fn because(why: &Option<String>) -> String {
    why.as_ref().map_or_else(String::new, |why| format!("; {why}"))
}

impl Failure {
    /// A step of a story of its own failed for this reason; whether nothing in the repository has to change for it to work.
    pub(crate) fn because(reason: &'static str, what: &impl Display, may_pass: bool) -> Self {
        Self::because_of(reason, Unmasked::of(what), may_pass)
    }

    /// The same for what is not displayed.
    pub(crate) fn because_of(reason: &'static str, message: Unmasked, may_pass: bool) -> Self {
        Self::Because { reason, message, may_pass }
    }

    /// What people are told, without what the mask hides.
    pub(crate) fn told(&self, mask: &Mask) -> String {
        self.text().told(mask)
    }

    /// What it says, as it is.
    pub(crate) fn text(&self) -> Unmasked {
        let of = |text: &dyn Display| Unmasked::of(text);
        match self {
            Self::Superseded => of(&"something newer is to be done"),
            Self::Overtaken => of(&"somebody else wrote the status meanwhile"),
            Self::Told { message, .. } => of(message),
            Self::Because { message, .. } => message.clone(),
            Self::Broken => of(&"the reconciliation broke off; this is a bug in cowherd"),
            Self::Api(cause) => of(cause),
            Self::NoImpersonation(user) => Unmasked::of(&format!(
                "spec.serviceAccountName: this cluster does not honour impersonation, so objects cannot be applied as {user}; remove \
                 the field to apply them with the rights of the agents"
            )),
            Self::Account { user, cause } => {
                cause.within(|cause| format!("spec.serviceAccountName: cannot act as {user}: {cause}"))
            }
            Self::Target(error) => Unmasked::of(&format!("spec.kubeConfig: {error}")),
            Self::Stranded { error, count } => Unmasked::of(&format!(
                "pruning for deleted resource failed: spec.kubeConfig: {error}. Its objects ({count}) are in that cluster, so it stays and \
                 is tried again until it is reached; to let it go without them: spec.deletionPolicy: Orphan"
            )),
            Self::Produce(error) => error.text().clone(),
            Self::Apply(error) | Self::Prune(error) => error.text(),
            Self::Finalize(error) => {
                error.text().within(|error| format!("pruning for deleted resource failed: {error}"))
            }
            Self::Content { object, cause } => {
                Unmasked::of(&format!("cannot see what would go with {object}: {cause}"))
            }
            Self::Protected(what) | Self::Idle(what) => of(what),
            Self::Unseen(error) => {
                error.text().within(|error| format!("cannot see what acts upon the objects: {error}"))
            }
            Self::Unreadable(error) => error.text().within(|error| format!("spec.healthChecks: {error}")),
            Self::Health { error, took, why } => {
                error.text().within(|error| format!("health check failed{}: {error}{}", after(took), because(why)))
            }
        }
    }

    pub(crate) fn api(error: &kube::Error) -> Self {
        match error {
            // The object is gone, or another one by now; a watch will say so.
            kube::Error::Api(status) if status.is_not_found() || status.is_conflict() || status.is_already_exists() => {
                Self::Superseded
            }
            kube::Error::Api(status) => Self::Api(status.message.clone()),
            other => Self::Api(other.to_string()),
        }
    }

    /// What a write of the status failed with.
    pub(super) fn unwritten(error: &Unwritten) -> Self {
        match error {
            Unwritten::Api(error) => Self::api(error),
            Unwritten::Overtaken => Self::Overtaken,
        }
    }

    /// What an apply failed with.
    pub(super) fn apply(error: ApplyError) -> Self {
        if matches!(error, ApplyError::Superseded) { Self::Superseded } else { Self::Apply(Box::new(error)) }
    }

    /// What a deletion failed with.
    pub(super) fn prune(error: ApplyError) -> Self {
        if matches!(error, ApplyError::Superseded) { Self::Superseded } else { Self::Prune(Box::new(error)) }
    }

    /// What the deletion of all objects of an owner failed with.
    pub(super) fn finalize(error: ApplyError) -> Self {
        if matches!(error, ApplyError::Superseded) { Self::Superseded } else { Self::Finalize(Box::new(error)) }
    }

    /// Whether nothing is to be told of it, since it is done anew.
    pub(crate) fn is_superseded(&self) -> bool {
        matches!(self, Self::Superseded | Self::Overtaken)
    }

    /// What the API answered to who applies, or deletes, objects.
    pub(super) fn answer(&self) -> Option<&ApplyError> {
        match self {
            Self::Apply(error) | Self::Prune(error) | Self::Finalize(error) => Some(error),
            _ => None,
        }
    }

    /// The reason in one word, as Flux gives it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Produce(error) => error.reason,
            Self::Because { reason, .. } => reason,
            Self::Apply(error) if matches!(**error, ApplyError::Manifest(_)) => BUILD_FAILED,
            Self::Prune(_) | Self::Finalize(_) | Self::Content { .. } | Self::Stranded { .. } => PRUNE_FAILED,
            Self::Protected(_) => PRUNE_PROTECTED,
            Self::Unseen(_) | Self::Idle(_) => NO_CONTROLLER,
            Self::Health { .. } | Self::Unreadable(_) => HEALTH_CHECK_FAILED,
            _ => RECONCILIATION_FAILED,
        }
    }

    /// Whether nothing in the repository has to change for it to work.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Produce(error) => error.may_pass,
            Self::Told { may_pass, .. } | Self::Because { may_pass, .. } => *may_pass,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_was_waited_is_said_where_it_was_too_long() {
        let failure = |took| Failure::Health { error: Box::new(ApplyError::Superseded), took, why: None };
        let said = |took| failure(took).told(&Mask::default());
        let cause = ApplyError::Superseded;
        let cause = cause.told(&Mask::default());
        assert_eq!(said(Some(Duration::from_secs(90))), format!("health check failed after 1m30s: {cause}"));
        assert_eq!(said(None), format!("health check failed: {cause}"));
    }

    #[test]
    fn what_it_says_is_told_masked_and_by_nothing_else() {
        let mut mask = Mask::default();
        mask.add_text("hunter2secret");
        let failure = Failure::because(BUILD_FAILED, &"ConfigMap/on-hunter2secret is invalid", false);
        assert_eq!(failure.told(&mask), "ConfigMap/on-***** is invalid");
        assert_eq!(format!("{failure:?}"), "Failure(BuildFailed)");
    }
}
