//! The ways a Kubernetes object is changed: JSON patch, merge patch, strategic merge patch and server-side apply.
//!
//! Everything here is a pure function over [`serde_json::Value`]s: it reads no clock and no store. Who may change
//! what, and whether the result is valid, is for the caller to say.

mod error;
mod json;
pub mod managed;
mod merge;
mod strategic;

pub use error::PatchError;
pub use json::json_patch;
pub use merge::merge_patch;
pub use strategic::{kustomize_merge_patch, strategic_merge_patch};

/// How deep values are followed. What lies deeper is compared and replaced as a whole, so that no input can
/// exhaust the stack. JSON from outside cannot reach it: `serde_json` stops at the same depth.
pub(crate) const MAX_DEPTH: usize = 128;
