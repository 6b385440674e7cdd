//! Recreate: all old pods go, then the new ones come.

use cowherd_runtime::{Error, Key, owners};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;

use super::replica_sets::replicas_of;
use super::{Context, Rollout, history};

/// Takes the next step.
pub async fn proceed(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    rollout.find_or_make_new(false).await?;
    let mut scaled = false;
    for set in rollout.old.clone() {
        if replicas_of(&set) > 0 {
            rollout.scale(&set, 0).await?;
            scaled = true;
        }
    }
    if scaled || old_pods_remain(rollout) {
        return Ok(());
    }
    rollout.find_or_make_new(true).await?;
    if let Some(new) = rollout.new.clone() {
        let wanted = rollout.wanted();
        rollout.scale(&new, wanted).await?;
    }
    if rollout.complete() {
        history::clean_up(rollout).await?;
    }
    Ok(())
}

/// Whether pods of old ReplicaSets still run; those that are done do not count.
fn old_pods_remain(rollout: &Rollout<'_>) -> bool {
    let uids = rollout.old.iter().filter_map(|set| set.metadata.uid.as_deref());
    uids.flat_map(|uid| rollout.context.pods.controlled_by(uid)).any(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        !matches!(phase, Some("Succeeded" | "Failed"))
    })
}

/// The Deployment that waits for a pod to go, if one does.
pub fn waiting_for(context: &Context, pod: &Pod) -> Option<Key> {
    let set = context.replica_sets.informer().get(&owners::controller_key::<ReplicaSet>(pod)?)?;
    let key = owners::controller_key::<Deployment>(set.as_ref())?;
    let deployment = context.deployments.informer().get(&key)?;
    let strategy = deployment.spec.as_ref()?.strategy.as_ref()?;
    (strategy.type_.as_deref() == Some("Recreate")).then_some(key)
}
