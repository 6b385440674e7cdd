//! What can go wrong with an object, told to a person.

use crate::change::ChangeSet;
use crate::object::{ManifestError, ObjectId, Versioned};

/// Why a set of objects could not be applied, pruned or waited for.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A value is no object.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The API has no such kind.
    #[error("{subject}: the cluster has no kind {kind:?} in {api_version}; is its CustomResourceDefinition missing?")]
    UnknownKind {
        /// The object.
        subject: Box<ObjectId>,
        /// The API version that was asked for.
        api_version: String,
        /// The kind that was asked for.
        kind: String,
    },
    /// The API has not the kinds of these objects.
    #[error("{}", crate::unserved::Lines(.0))]
    Unserved(Vec<crate::unserved::Unserved>),
    /// An object of a namespace does not say of which.
    #[error("{0}: namespace not specified; set metadata.namespace, or spec.targetNamespace of the Kustomization")]
    NoNamespace(Box<ObjectId>),
    /// Two manifests describe the same object.
    #[error("{0}: the object is described twice; remove one of the two manifests")]
    Twice(Box<ObjectId>),
    /// The API would not take the object.
    #[error("{subject} {step} ({reason}): {message}")]
    Refused {
        /// The object.
        subject: Box<ObjectId>,
        /// What was tried: "dry-run failed", "apply failed" or "delete failed".
        step: &'static str,
        /// The reason in one word, as Kubernetes gives it.
        reason: String,
        /// What Kubernetes says, without the values of Secrets.
        message: String,
        /// The HTTP status.
        code: u16,
    },
    /// The API could not be reached, or gave no sensible answer.
    #[error("{subject}: the Kubernetes API gave no answer: {source}")]
    Unreachable {
        /// The object.
        subject: Box<ObjectId>,
        /// The cause.
        source: Box<kube::Error>,
    },
    /// Objects did not become healthy in time, or failed.
    #[error("{0}")]
    Unhealthy(#[from] crate::wait::Unhealthy),
    /// Several objects could not be deleted.
    #[error("delete failed, errors: {}", several(.0))]
    Several(Vec<ApplyError>),
    /// The apply was called off, because something newer is to be applied.
    #[error("the apply was called off by a newer revision")]
    Superseded,
}

impl ApplyError {
    /// What the API answered to a request for `subject`.
    pub(crate) fn answer(
        subject: &ObjectId,
        step: &'static str,
        error: kube::Error,
        object: &serde_json::Value,
    ) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                subject: Box::new(subject.clone()),
                step,
                reason: if status.reason.is_empty() { "Unknown".to_owned() } else { status.reason.clone() },
                message: crate::mask::message(object, &status.message),
                code: status.code,
            },
            source => Self::Unreachable { subject: Box::new(subject.clone()), source: Box::new(source) },
        }
    }

    /// Whether trying again can help although nothing changed: the API did not answer, or was busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => matches!(code, 408 | 409 | 429 | 500..=599),
            Self::Several(errors) => errors.iter().all(Self::is_transient),
            _ => false,
        }
    }

    /// The first object of which the API said that `user` may not do to it what was tried.
    pub fn denied(&self, user: &str) -> Option<&ObjectId> {
        match self {
            Self::Refused { subject, code: FORBIDDEN, message, .. } => {
                // It forbids other things as well, such as new objects in a namespace that goes.
                let is_denied = message.contains(&format!("\"{user}\" cannot "));
                is_denied.then_some(&**subject)
            }
            Self::Several(errors) => errors.iter().find_map(|error| error.denied(user)),
            _ => None,
        }
    }
}

/// The HTTP status for what somebody may not do.
const FORBIDDEN: u16 = 403;

/// How many of several errors are told.
const TOLD: usize = 10;

fn several(errors: &[ApplyError]) -> String {
    cowherd_text::clauses(errors, TOLD)
}

/// An error, and what was done before it happened.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Partial {
    /// What went wrong.
    #[source]
    pub error: ApplyError,
    /// What was done before.
    pub changes: ChangeSet,
    /// Objects that were sent without an answer that says whether they were taken. No other object was touched.
    pub doubtful: Vec<Versioned>,
}

impl Partial {
    /// An error after these changes; of no object it is doubtful what was done.
    pub(crate) fn new(error: ApplyError, changes: ChangeSet) -> Self {
        Self { error, changes, doubtful: Vec::new() }
    }
}
