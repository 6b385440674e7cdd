//! Old ReplicaSets are kept to roll back to, as many as the Deployment says.

use super::Rollout;
use super::replica_sets::{replicas_of, revision};
use cowherd_runtime::Error;

/// Deletes the oldest of those beyond the limit; ReplicaSets that still have pods stay.
pub async fn clean_up(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    let limit = rollout.spec.revision_history_limit.unwrap_or(10);
    let Ok(limit) = usize::try_from(limit) else { return Ok(()) };
    let mut old: Vec<_> = rollout.old.iter().filter(|set| set.metadata.deletion_timestamp.is_none()).cloned().collect();
    let surplus = old.len().saturating_sub(limit);
    old.sort_by_key(|set| revision(set));
    for set in old.into_iter().take(surplus) {
        let status = set.status.clone().unwrap_or_default();
        let settled = status.observed_generation == set.metadata.generation;
        if replicas_of(&set) == 0 && status.replicas == 0 && settled {
            rollout.delete_set(&set).await?;
        }
    }
    Ok(())
}
