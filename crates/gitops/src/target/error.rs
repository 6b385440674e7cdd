//! Why an owner's cluster is not reached.

use super::kubeconfig::KubeConfigError;

/// Why an owner's cluster is not reached. It shows no value of a Secret, but for the address of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// The object that says how is not there.
    #[error("there is no {object}; make it, or take spec.kubeConfig out")]
    Missing { object: String },
    /// It has not what it is to have.
    #[error("the {object} has no key {keys} with a kubeconfig")]
    NoKey { object: String, keys: String },
    /// It cannot be acted on.
    #[error("the {object}: {cause}")]
    Wrong { object: String, cause: KubeConfigError },
    /// The same, for another reason.
    #[error("the {object}: {cause}")]
    Unusable { object: String, cause: String },
    /// The API of this cluster did not give it.
    #[error("the {object} cannot be read: {cause}")]
    Unread { object: String, cause: String },
    /// The other cluster gave no answer that helps.
    #[error("the cluster at {server} is not reached: {cause}")]
    Unreachable { server: String, cause: String },
    /// The other cluster does not know who asks.
    #[error("the cluster at {server} does not accept the credentials of the {object}: {cause}; renew them there")]
    Unauthorized { server: String, object: String, cause: String },
}

impl TargetError {
    /// Whether it is known that nobody can reach the cluster as it is said now.
    pub(crate) fn is_certain(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::NoKey { .. } | Self::Wrong { .. } | Self::Unusable { .. })
    }
}
