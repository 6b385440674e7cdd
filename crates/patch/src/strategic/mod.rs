//! Strategic merge patch: a merge patch that knows from the schema how lists merge.
//!
//! [`strategic_merge_patch`] does what the Kubernetes API server does with it, [`kustomize_merge_patch`] what
//! kustomize does. They agree on maps and differ on lists: the API server keeps the live order and adds at the end,
//! kustomize puts what is patched first.
//!
//! What is merged into is worked on in place, and of a patch nothing is copied but what comes to stand in the object: a
//! large object would otherwise stand in memory many times.

mod directive;
mod golang;
mod keyed;
mod kustomize;
mod list;
mod map;
mod order;
mod places;
mod sorting;

use cowherd_schema::Schema;
use serde_json::Value;

pub use kustomize::kustomize_merge_patch;

use crate::error::PatchError;

/// Applies a strategic merge patch as the Kubernetes API server does.
pub fn strategic_merge_patch(doc: &Value, patch: &Value, schema: &Schema) -> Result<Value, PatchError> {
    let bad = || PatchError::Malformed("invalid JSON document".to_owned());
    let (doc, patch) = (doc.as_object().ok_or_else(bad)?, patch.as_object().ok_or_else(bad)?);
    map::merge(doc.clone(), patch, Some(schema), 0).map(Value::Object)
}
