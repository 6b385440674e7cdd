//! Server-side apply: who owns which field of an object, and what an apply or an update makes of that.
//!
//! An object carries its owners in `metadata.managedFields`. [`apply`] merges the configuration of one manager into
//! the live object, removes what that manager owned and no longer gives, and refuses to take fields that another
//! manager owns with a different value. [`update`] records who changed what in an ordinary write.

mod apply;
mod compare;
mod conflict;
mod element;
mod fields_v1;
mod merge;
mod named;
mod of_value;
mod owners;
mod prune;
mod remove;
mod scalar;
mod set;
mod shape;
mod stripped;
mod typed;
mod update;

pub use apply::{Applier, apply, apply_except};
pub use conflict::{ApplyError, Conflict};
pub use element::{FieldsPath, PathElement};
pub use fields_v1::FieldsError;
pub use owners::same_but_for_times;
pub use set::FieldSet;
pub use typed::repeated;
pub use update::{Updater, create, update, update_except};
