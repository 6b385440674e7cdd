//! A Deployment whose number of pods changes in the middle of a rollout: each ReplicaSet gets its share.

use std::sync::Arc;

use cowherd_runtime::Error;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt;

use super::Rollout;
use super::replica_sets::{DESIRED_REPLICAS, MAX_REPLICAS, replicas_of};
use super::rolling::max_surge;

/// Whether the number of pods wanted changed since the ReplicaSets were scaled last.
pub fn was_scaled(rollout: &Rollout<'_>) -> bool {
    let wanted = rollout.wanted();
    rollout
        .all()
        .filter(|set| replicas_of(set) > 0)
        .any(|set| number(set, DESIRED_REPLICAS).is_some_and(|then| then != wanted))
}

/// Gives the ReplicaSets their shares of the change. With only one that has pods, that one takes all of it.
pub async fn scale_proportionally(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    let wanted = rollout.wanted();
    if let Some(only) = only_one_with_pods(rollout) {
        return rollout.scale(&only, wanted).await;
    }
    if let Some(new) = rollout.new.clone().filter(|new| is_saturated(new, wanted)) {
        for set in rollout.old.clone() {
            if replicas_of(&set) > 0 {
                rollout.scale(&set, 0).await?;
            }
        }
        return rollout.scale(&new, wanted).await;
    }
    if rollout.recreates() {
        return Ok(());
    }
    share_out(rollout).await
}

/// The only ReplicaSet with pods or, when none has any, the new or latest one.
fn only_one_with_pods(rollout: &Rollout<'_>) -> Option<Arc<ReplicaSet>> {
    let mut with_pods = rollout.all().filter(|set| replicas_of(set) > 0);
    match (with_pods.next(), with_pods.next()) {
        (Some(only), None) => Some(Arc::clone(only)),
        (None, _) => rollout.new.clone().or_else(|| rollout.old.last().cloned()),
        _ => None,
    }
}

/// Whether a ReplicaSet has all the pods and they are available.
fn is_saturated(set: &ReplicaSet, wanted: i32) -> bool {
    let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
    replicas_of(set) == wanted && available == wanted && number(set, DESIRED_REPLICAS) == Some(wanted)
}

async fn share_out(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    let mut sets: Vec<Arc<ReplicaSet>> = rollout.all().filter(|set| replicas_of(set) > 0).cloned().collect();
    let total: i32 = sets.iter().map(|set| replicas_of(set)).sum();
    let wanted = rollout.wanted();
    let most = if wanted > 0 { wanted.saturating_add(max_surge(&rollout.spec)) } else { 0 };
    let change = most - total;
    // The largest first; among equals the newest when there is more to give, the oldest when there is less.
    sets.sort_by_key(|set| {
        let created = set.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
        (std::cmp::Reverse(replicas_of(set)), if change > 0 { -created } else { created })
    });
    let mut left = change;
    let mut sizes: Vec<i32> = Vec::with_capacity(sets.len());
    for set in &sets {
        let share = share(set, most, wanted, left);
        left -= share;
        sizes.push(replicas_of(set) + share);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + left).max(0);
    }
    for (set, size) in sets.iter().zip(sizes) {
        rollout.scale(set, size).await?;
    }
    Ok(())
}

/// What a ReplicaSet gets of `left`: the share that it had of all pods when it was scaled last.
fn share(set: &ReplicaSet, most: i32, wanted: i32, left: i32) -> i32 {
    if left == 0 {
        return 0;
    }
    let before = number(set, MAX_REPLICAS).unwrap_or(wanted).max(1);
    let size = f64::from(replicas_of(set)) * f64::from(most) / f64::from(before);
    #[allow(clippy::cast_possible_truncation, reason = "bounded by the clamp below")]
    let change = (size.round() as i32).saturating_sub(replicas_of(set));
    if left > 0 { change.clamp(0, left) } else { change.clamp(left, 0) }
}

fn number(set: &ReplicaSet, annotation: &str) -> Option<i32> {
    set.annotations().get(annotation).and_then(|number| number.parse().ok())
}
