//! What follows from a change that the change itself does not say.

use std::sync::Arc;

use cowherd_api::flux::annotations::{DISABLED, PRUNE, PRUNE_PROTECTION, SET_PRUNE};
use cowherd_apply::Manifest;
use serde_json::Value;

use crate::cluster::{State, Unit};
use crate::gitops::Plan;

use super::{Kind, Status, UnitReview};

/// Whether an object stays in the cluster that is no longer described.
pub(super) fn stays(object: &Manifest, before: Option<&Arc<Unit>>, after: Option<&Arc<Unit>>) -> bool {
    if let Some((set, _)) = before.and_then(|before| before.sets.maker(object.id())) {
        let is_there = |after: &&Arc<Unit>| after.objects().iter().any(|other| other.id() == set);
        if object.has(SET_PRUNE, DISABLED) || after.filter(is_there).is_some() {
            return object.has(SET_PRUNE, DISABLED);
        }
    }
    let plan = |unit: Option<&Arc<Unit>>| unit.and_then(|unit| unit.plan.clone());
    let prunes = match (after, plan(after), plan(before)) {
        (Some(_), Some(plan), _) => plan.prunes(),
        // The Kustomization is gone; what it said last counts.
        (None, _, Some(plan)) => plan.deletes_with_it(),
        _ => false,
    };
    !prunes || object.has(PRUNE, DISABLED)
}

/// What follows from what becomes of one object.
pub(super) fn of(kind: &Kind, object: &Value) -> Vec<String> {
    let of_kind = |name: &str| object["kind"] == name;
    match kind {
        Kind::Deleted if of_kind("Namespace") => vec!["everything in the namespace goes with it".to_owned()],
        Kind::Deleted if of_kind("CustomResourceDefinition") => {
            let kind = object["spec"]["names"]["kind"].as_str().unwrap_or_default();
            vec![format!("every {kind} in the cluster goes with it")]
        }
        Kind::Deleted if of_kind("PersistentVolumeClaim") => vec!["its data may go with it".to_owned()],
        Kind::Left => vec!["nothing deletes it: pruning is off for it".to_owned()],
        Kind::MovedTo(name) => vec![format!("to {name}, which describes it now")],
        Kind::MovedFrom(name) => vec![format!("from {name}")],
        _ => Vec::new(),
    }
}

/// What follows from all changes of a Kustomization together.
pub(super) fn of_all(before: Option<&Arc<Unit>>, after: Option<&Arc<Unit>>, review: &mut UnitReview) {
    let deleted = review.changes.iter().filter(|change| change.kind == Kind::Deleted).count();
    let had = before.map_or(0, |before| before.objects().len());
    let unprotected = |unit: &Arc<Unit>| {
        let annotations = unit.kustomization.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get(PRUNE_PROTECTION)).is_some_and(|value| value == DISABLED)
    };
    match review.status {
        Status::Removed if deleted > 0 => review.notes.push("it is gone, and its objects go with it".to_owned()),
        Status::Kept if deleted > 0 && deleted == had && !after.is_some_and(unprotected) => {
            let text = "all that it had would be pruned: cowherd waits for approval, Flux does not";
            review.notes.push(text.to_owned());
        }
        _ => {}
    }
    if after.is_some_and(|unit| matches!(unit.state, State::Failed(_))) && had > 0 {
        review.notes.push("until that is mended the cluster stays as it is".to_owned());
    }
    let prunes = |unit: Option<&Arc<Unit>>| unit.and_then(|unit| unit.plan.as_ref()).map(Plan::prunes);
    if let (Some(true), Some(false)) = (prunes(before), prunes(after)) {
        review.notes.push("prune is off now: what leaves it stays in the cluster".to_owned());
    }
}
