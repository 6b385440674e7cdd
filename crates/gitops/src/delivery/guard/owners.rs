//! What goes with an owner that is among the objects of another one.
//!
//! Whoever takes an owner away means that all goes that it applied. But an owner that is renamed, as long as others describe
//! nothing of what it has, is no rename but the end of all that; and what waits for approval there would be asked about no more.

use cowherd_apply::{ObjectId, Versioned};

use super::super::Context;
use super::super::job::Job;
use super::content::Content;
use crate::owner::{OwnerKind, OwnerName};

/// The object as an owner, if it is one of the kind of who describes it.
pub(super) fn is_owner(kind: &'static OwnerKind, object: &ObjectId) -> Option<OwnerName> {
    let is_one = object.group == kind.group && object.kind == kind.kind;
    is_one.then(|| OwnerName::new(kind, &object.namespace, &object.name))
}

/// The object as an owner that is known here. In another cluster it is somebody else's, whatever it is called.
fn is_here(job: &Job, object: &ObjectId) -> Option<OwnerName> {
    is_owner(job.name.kind, object).filter(|_| job.owner.kube_config.is_none())
}

/// Where the object is an owner, whether others describe some of what it has, or it has nothing.
pub(super) fn passes_on(context: &Context, job: &Job, object: &ObjectId) -> Option<bool> {
    is_here(job, object).map(|name| !context.sharing.is_all_lost_with(&name))
}

/// The owners among these objects at which something waits to be approved, with that.
pub(super) fn with_what_waits(context: &Context, job: &Job, objects: &[Versioned]) -> Vec<(Versioned, Content)> {
    let waiting = objects.iter().filter_map(|object| {
        let waits = context.sharing.waits_at(&is_here(job, &object.id)?);
        (!waits.is_empty()).then(|| (object.clone(), waits.iter().collect()))
    });
    waiting.collect()
}
