//! What can go wrong with an object, told to a person.

use std::fmt;

use crate::change::ChangeSet;
use crate::mask::Mask;
use crate::object::{ManifestError, ObjectId, Versioned};
use crate::unmasked::Unmasked;
use crate::unserved::{Lines, served_otherwise};
use crate::wait::Unhealthy;

/// Why a set of objects could not be applied, pruned or waited for.
///
/// What it says may hold values of Secrets that went into names or other fields: it cannot be displayed, and is
/// [told](ApplyError::told) without what a mask hides.
pub enum ApplyError {
    /// A value is no object.
    Manifest(ManifestError),
    /// The API has no such kind.
    UnknownKind {
        /// The object.
        subject: Box<ObjectId>,
        /// The API version that was asked for.
        api_version: String,
        /// The kind that was asked for.
        kind: String,
        /// The API version in which the cluster serves the kind, if it does in another one.
        served_as: Option<String>,
    },
    /// The API has not the kinds of these objects.
    Unserved(Vec<crate::unserved::Unserved>),
    /// An object of a namespace does not say of which.
    NoNamespace(Box<ObjectId>),
    /// Two manifests describe the same object.
    Twice(Box<ObjectId>),
    /// The API would not take the object.
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
    Unreachable {
        /// The object.
        subject: Box<ObjectId>,
        /// The cause.
        source: Box<kube::Error>,
    },
    /// Objects did not become healthy in time, or failed.
    Unhealthy(Unhealthy),
    /// Several objects could not be deleted.
    Several(Vec<ApplyError>),
    /// The apply was called off, because something newer is to be applied.
    Superseded,
}

impl From<ManifestError> for ApplyError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<Unhealthy> for ApplyError {
    fn from(error: Unhealthy) -> Self {
        Self::Unhealthy(error)
    }
}

/// What it is about, and not what it says.
impl fmt::Debug for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Manifest(_) => "Manifest",
            Self::UnknownKind { .. } => "UnknownKind",
            Self::Unserved(_) => "Unserved",
            Self::NoNamespace(_) => "NoNamespace",
            Self::Twice(_) => "Twice",
            Self::Refused { reason, code, .. } => return write!(f, "Refused({code} {reason})"),
            Self::Unreachable { .. } => "Unreachable",
            Self::Unhealthy(_) => "Unhealthy",
            Self::Several(errors) => return f.debug_tuple("Several").field(errors).finish(),
            Self::Superseded => "Superseded",
        };
        f.write_str(name)
    }
}

impl ApplyError {
    /// What people are told, without what the mask hides.
    pub fn told(&self, mask: &Mask) -> String {
        self.text().told(mask)
    }

    /// What it says, as it is.
    pub fn text(&self) -> Unmasked {
        match self {
            Self::Manifest(error) => error.text(),
            Self::UnknownKind { subject, api_version, kind, served_as } => Unmasked::of(&match served_as {
                Some(served) => format!("{subject}: {}", served_otherwise(kind, api_version, served)),
                None => format!(
                    "{subject}: the cluster has no kind {kind:?} in {api_version}; is its CustomResourceDefinition missing?"
                ),
            }),
            Self::Unserved(unserved) => Unmasked::of(&Lines(unserved)),
            Self::NoNamespace(subject) => Unmasked::of(&format!(
                "{subject}: namespace not specified; set metadata.namespace, or spec.targetNamespace of the Kustomization"
            )),
            Self::Twice(subject) => {
                Unmasked::of(&format!("{subject}: the object is described twice; remove one of the two manifests"))
            }
            Self::Refused { subject, step, reason, message, .. } => {
                Unmasked::of(&format!("{subject} {step} ({reason}): {message}"))
            }
            Self::Unreachable { subject, source } => {
                Unmasked::of(&format!("{subject}: the Kubernetes API gave no answer: {source}"))
            }
            Self::Unhealthy(unhealthy) => unhealthy.text(),
            Self::Several(errors) => several(errors),
            Self::Superseded => Unmasked::of("the apply was called off by a newer revision"),
        }
    }

    /// Whether the API says that what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: NOT_FOUND, .. })
    }

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
/// The same for what is not there.
const NOT_FOUND: u16 = 404;

/// How many of several errors are told.
const TOLD: usize = 10;

fn several(errors: &[ApplyError]) -> Unmasked {
    let texts: Vec<Unmasked> = errors.iter().map(ApplyError::text).collect();
    Unmasked::clauses(&texts, TOLD).within(|errors| format!("delete failed, errors: {errors}"))
}

/// An error, and what was done before it happened.
#[derive(Debug)]
pub struct Partial {
    /// What went wrong.
    pub error: ApplyError,
    /// What was done before.
    pub changes: ChangeSet,
    /// Objects that were sent without an answer that says whether they were taken. No other object was touched.
    pub doubtful: Vec<Versioned>,
}

impl Partial {
    /// What people are told, without what the mask hides.
    pub fn told(&self, mask: &Mask) -> String {
        self.error.told(mask)
    }

    /// An error after these changes; of no object it is doubtful what was done.
    pub(crate) fn new(error: ApplyError, changes: ChangeSet) -> Self {
        Self { error, changes, doubtful: Vec::new() }
    }
}
