//! What happened to objects that are no longer as they were applied.

use k8s_openapi::jiff::Timestamp;

use crate::object::ObjectId;
use crate::owner::Owner;

/// An object that is no longer as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Who applied it.
    pub owner: Owner,
    /// The object.
    pub object: ObjectId,
    /// What happened to it.
    pub cause: Cause,
    /// When: as its managed fields say, or else when that was seen.
    pub at: Timestamp,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Someone changed fields of it.
    Changed {
        /// The field manager that changed the object last, where that is known.
        by: Option<String>,
    },
    /// It is gone.
    Deleted,
}
